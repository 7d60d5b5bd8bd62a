"""The broker's channels make one Redis client each, not one for each command."""

import hashlib
import inspect
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection
from kombu.transport import redis

from config.celery import app
from config.redis_transport import Channel

SOURCE = "0b0555269ae6085d"


@pytest.fixture
def channel():
    with Connection(settings.CELERY_BROKER_URL) as connection:
        yield connection.channel()


@pytest.fixture
def made(channel, monkeypatch):
    """How many clients the channel has made."""
    clients = []
    original = channel.Client

    def make(**options):
        clients.append(original(**options))
        return clients[-1]

    monkeypatch.setattr(channel, "Client", make)
    return clients


def test_celery_uses_it():
    with app.connection_for_write() as connection:
        assert type(connection.default_channel) is Channel
    with app.connection_for_read() as connection:
        assert type(connection.channel()) is Channel


def test_messages_taken_acknowledged_and_published_share_a_client(channel, made):
    channel.queue_declare("kept")
    for number in range(3):
        channel.basic_publish(channel.prepare_message(str(number)), exchange="", routing_key="kept")
    for _ in range(3):
        channel.basic_ack(channel.basic_get("kept").delivery_tag)
    assert channel.queue_purge("kept") == 0
    assert len(made) == 1


def test_a_client_ends_with_its_pool(channel, made):
    """As after a fork: the connections of the parent are not the child's."""
    with channel.conn_or_acquire() as before:
        before.ping()
    channel._disconnect_pools()
    with channel.conn_or_acquire() as after:
        after.ping()
    assert after is not before
    assert after.connection_pool is channel.pool


def test_who_listens_has_a_client_of_its_own(channel):
    with channel.conn_or_acquire() as shared:
        assert channel._create_client(asynchronous=True) is not shared


def test_kombu_still_makes_a_client_for_each_command():
    """When this fails: see whether kombu keeps its client by now, and whether `Channel` still fits."""
    original: Any = redis.Channel
    source = "".join(
        inspect.getsource(part)
        for part in (original._create_client, original.conn_or_acquire, original._disconnect_pools)
    )
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == SOURCE
