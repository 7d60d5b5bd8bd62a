"""Celery messages: whatever stands in a queue, the worker says what is wrong with it and takes the next."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from hypothesis import event as seen
from hypothesis import given, note
from hypothesis import strategies as st
from redis import Redis

from config.celery import app
from outbox import publish
from outbox.relay.relay import Relay
from outbox.transports.celery import CeleryTransport
from sagas.models import Run
from tests.support.hostapp.events import ItemCounted
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST, SECOND
from tests.support.outbox.relaying import relay_to
from tests.support.workers import Program, until

from .garbage import texts, values
from .trying import SEED, tried

pytestmark = pytest.mark.django_db(transaction=True)
QUEUES = ("events", "sagas", "upkeep", "default")
NAMES: tuple[str, ...] = (
    "sagas.run_step",
    "sagas.undo_step",
    "sagas.sweep",
    "sagas.prune",
    "sagas.bulk",
    "outbox.deliver",
)
NAMES += ("outbox.deliver_open", "outbox.prune", "orders.watch", "orders.refresh_availability", "no.such_task", "", "é")
WIRE: dict[str, Any] = {
    **{"id": "no-uuid", "type": "host.item_counted", "version": 2, "key": "k", "payload": "{", "headers": "[]"},
    **{"occurred_at": "yesterday", "position": "first", "destination": "\0", "attempts": None, "again": "x"},
}
serial = itertools.count(1)

calls = st.tuples(
    st.sampled_from(NAMES),
    st.lists(values | st.just(WIRE) | st.sampled_from(["host.first", "checkout", "errand"]), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from(["run_id", "subscriber", "envelope", "keys", "x"]), values, max_size=2),
)
"""A task of ours, or nobody's, with arguments that it does not take."""
UNREAD = ("{", "[", "nul", '{"a":1', '{"a":1}}', "{}x", "a=1&b=%00", "<html>no</html>", "--x")
raw = st.tuples(
    st.sampled_from(UNREAD).map(str.encode),
    st.sampled_from(["application/json", "application/x-python-serialize"]),
    st.fixed_dictionaries(
        {"task": st.sampled_from(NAMES), "id": texts.filter(lambda text: len(text) < 400), "lang": st.just("py")},
        optional={"argsrepr": texts, "retries": st.integers(0, 9)},
    ),
)
"""A body that cannot be read, or must not be (pickle), and its header fields."""


@pytest.fixture
def relay() -> Relay:
    return relay_to(CeleryTransport())


@tried(4)
@given(sent=st.lists(st.tuples(st.sampled_from(QUEUES), calls | raw), min_size=25, max_size=40))
def test_a_worker_goes_on_and_loses_nothing(
    at_work: Program, relay: Relay, sent: list[tuple[str, tuple[Any, Any, Any]]]
) -> None:
    note(f"FUZZ_SEED={SEED}")
    names = [f"{place}-{next(serial)}" for place in ("before", "between", "after")]
    told(relay, names[0])
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        for place, (queue, (what, how, more)) in enumerate(sent):
            if place == len(sent) // 2:
                told(relay, names[1])
            if isinstance(what, bytes):
                producer.publish(
                    what.decode(), routing_key=queue, content_type=how, content_encoding="utf-8", headers=more
                )
            else:
                app.send_task(what, how, more, queue=queue, producer=producer)
    told(relay, names[2])
    seen(f"{len(sent) // 10}0 and more messages")
    until(lambda: handled(names) == 6 and not waiting(), 30, what=f"{names}: {handled(names)} of 6; {waiting()} wait")
    assert at_work.process.poll() is None, "the same worker"
    assert not Run.objects.exists()


@pytest.fixture
def at_work(worker: Callable[..., Program]) -> Program:
    return worker(*QUEUES, env={"STANDINS_URL": "http://127.0.0.1:9"})


def told(relay: Relay, name: str) -> None:
    """An event that two subscribers hear."""
    with transaction.atomic():
        publish(ItemCounted(name), key=name)
    relay.drain()


def handled(names: list[str]) -> int:
    """How many times subscribers had an effect; each event has two."""
    return Effect.objects.filter(name__in=names, subscriber__in=[FIRST, SECOND]).count()


def waiting() -> int:
    """How many messages nobody has taken yet."""
    with Redis.from_url(settings.CELERY_BROKER_URL) as redis:
        return sum(int(redis.llen(queue)) for queue in QUEUES)
