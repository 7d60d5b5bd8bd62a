"""Fixtures of the outbox's tests."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import transaction
from redis import Redis

from outbox import doorbell, publish
from outbox.declare.events import registry
from outbox.relay.relay import Relay
from outbox.transports.celery import CeleryTransport
from tests.support.hostapp import subscribers
from tests.support.hostapp.events import ItemCounted
from tests.support.hostapp.subscribers import KEYED
from tests.support.outbox.asking import Asking
from tests.support.outbox.relaying import relay_to


@pytest.fixture
def redis_client() -> Iterator[Redis]:
    """The real Redis, emptied."""
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        client.config_resetstat()
        yield client


@pytest.fixture
def relay() -> Relay:
    """A relay to the real broker."""
    return relay_to(CeleryTransport())


@pytest.fixture
def commit() -> Callable[..., None]:
    """`commit("a", "b", behaviour="fail")`: one transaction with one event a name."""

    def write(*names: str, behaviour: str = "succeed") -> None:
        with transaction.atomic():
            for name in names:
                publish(ItemCounted(name, behaviour), key=f"item:{name}")

    return write


@pytest.fixture(autouse=True)
def _a_bell_that_rings() -> None:
    doorbell._bell.silent_until = 0.0
    doorbell._bell.rung_at = -doorbell.QUIET_AFTER_RING


@pytest.fixture
def asking(monkeypatch) -> Asking:
    """The keyed subscriber asks another system first."""
    asked = Asking()

    def handler(message, answer):
        subscribers.write(KEYED, message, answer)

    declared = registry.subscribers[KEYED]
    monkeypatch.setitem(registry.subscribers, KEYED, replace(declared, call=asked, handler=handler))
    return asked
