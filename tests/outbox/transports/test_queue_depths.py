"""How many messages wait in a queue, whichever the broker is; a queue that nobody has declared holds none."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings

from outbox.heartbeats import beat
from outbox.transports import queue_depths
from outbox.transports.celery import apply_with, publish_all
from outbox.transports.queue_depths import Depth


class NotFound(Exception):
    """As AMQP says it."""

    reply_code = 404


class Refused(Exception):
    reply_code = 403


class AMQP:
    """A broker that closes the channel on which it finds no queue, as RabbitMQ does."""

    channel_errors = (NotFound, Refused)

    def __init__(self, queues: dict[str, int]) -> None:
        self.queues = queues

    def channel(self) -> Any:
        is_open = [True]

        def declare(name: str, *, passive: bool) -> Any:
            assert passive, "nothing is made by a look"
            assert is_open[0]
            if name == "forbidden":
                raise Refused
            if name not in self.queues:
                is_open[0] = False
                raise NotFound
            return SimpleNamespace(message_count=self.queues[name])

        return SimpleNamespace(queue_declare=declare)


def test_a_queue_that_does_not_exist_is_empty_and_keeps_no_other_from_being_asked():
    found = dict(queue_depths._depths(AMQP({"b": 3, "c": 0}), ["a", "b", "c"]))
    assert found == {"a": Depth(0, ""), "b": Depth(3, ""), "c": Depth(0, "")}


def test_another_refusal_is_an_error():
    with pytest.raises(Refused):
        dict(queue_depths._depths(AMQP({}), ["forbidden"]))


@pytest.fixture
def broker():
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


def test_the_oldest_message_of_ours_says_when_it_was_sent(broker):
    """Whichever way it goes out: from a template, or by kombu."""
    before = time.time()
    for make in (lambda: current_app.signature("any", queue="q"), lambda: current_app.signature("any", {}, queue="q")):
        for publish in (publish_all, by_kombu):
            publish([make()])
            (found,) = queue_depths.read(["q"]).values()
            broker.flushdb()
            assert found.sent_at is not None
            assert before <= found.sent_at <= time.time()


def by_kombu(signatures):
    with current_app.producer_pool.acquire(block=True) as producer:
        for signature in signatures:
            apply_with(signature, producer)


def test_the_oldest_is_the_one_that_a_worker_takes_next(broker):
    publish_all([current_app.signature("any", queue="q")])
    first = queue_depths.read(["q"])["q"].sent_at
    publish_all([current_app.signature("any", queue="q")])
    assert queue_depths.read(["q"])["q"].sent_at == first


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"headers": {"sent_at": "noon"}}', '{"headers": null}'])
def test_of_somebody_elses_message_it_is_unknown(broker, text):
    broker.lpush("q", text)
    found = queue_depths.read(["q"])["q"]
    assert (found.messages, found.sent_at) == (1, None)
    assert found.head


def test_beats_ticks_say_it_and_other_threads_leave_messages_alone(monkeypatch):
    headers: dict[str, Any] = {}
    monkeypatch.setattr("outbox.heartbeats.heartbeat.finished", lambda _duty: None)
    monkeypatch.setattr(beat, "_beats_thread", [])
    beat._tick(headers=headers)
    assert headers == {}
    beat._beats_thread.append(threading.get_ident())
    beat._tick(headers=headers)
    assert headers.keys() == {"sent_at"}


@pytest.mark.parametrize(
    ("routes", "tasks"),
    [
        (None, set()),
        ({"a.b": {"queue": "x"}, "c.*": {"queue": "y"}}, {"a.b", "c.*"}),
        ([{"a.b": {"queue": "x"}}, lambda *_: None], {"a.b"}),
    ],
)
def test_routes_of_every_shape_are_read(routes, tasks):
    assert set(queue_depths._routed(routes)) == tasks
