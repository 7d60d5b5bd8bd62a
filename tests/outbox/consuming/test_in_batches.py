"""Several messages a transaction: all or none, then each by itself, so that one that is bad harms no other."""

import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from outbox import OutboxDeclarationError, PermanentFailure, sql, subscribe
from outbox.consuming import in_order, inbox
from outbox.declare.events import registry
from outbox.models import DeadLetter, Delivery, InboxEntry
from outbox.transports import wakeups
from outbox.transports.celery import CeleryTransport
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp import subscribers
from tests.support.hostapp.events import StepTaken
from tests.support.hostapp.subscribers import TOGETHER
from tests.support.outbox.relaying import relay_to
from tests.support.outbox.steps import done, in_commit_order, is_settled, look, opened, take
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lists(monkeypatch) -> list[list[str]]:
    """The names in each list that the handler was given."""
    given: list[list[str]] = []
    handler = registry.subscribers[TOGETHER].handler

    def noting(messages: Any) -> None:
        given.append([message.body.name for message in messages])
        handler(messages)

    monkeypatch.setitem(registry.subscribers, TOGETHER, replace(registry.subscribers[TOGETHER], handler=noting))
    return given


def transactions(names: list[str]) -> int:
    """In how many transactions these were handled."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM hostapp_effect WHERE name = ANY(%s)", [names])
        return int(cursor.fetchone()[0])


def test_up_to_so_many_are_handled_in_one_transaction_with_their_inbox(lists):
    take("a", "a1", "a2", "a3")
    take("b", "b1", "b2")
    opened(TOGETHER)
    look(TOGETHER, "a", "b")
    assert lists == [["a1", "a2", "a3", "b1"], ["b2"]]
    assert transactions(["a1", "a2", "a3", "b1"]) == 1
    assert InboxEntry.objects.filter(subscriber=TOGETHER).count() == 5
    assert is_settled()


def test_messages_without_a_key_are_taken_together_too(lists):
    take("", "1", "2", "3", "4", "5")
    transport = MemoryTransport()
    relay_to(transport).drain()
    told = [one for one in transport.wakeups if one.subscriber == TOGETHER]
    assert [len(one.ids) for one in told] == [4, 1]
    for one in told:
        in_order.deliver_open(*one, go_on=lambda: None)
    assert lists == [["1", "2", "3", "4"], ["5"]]


def test_a_bad_message_is_found_and_the_others_go_through(lists):
    take("a", "a1")
    take("b", "bad", behaviour="give up")
    take("b", "b2")
    take("c", "c1")
    opened(TOGETHER)
    with pytest.raises(PermanentFailure):
        look(TOGETHER, "a", "b", "c")
    look(TOGETHER, "b")
    assert lists == [["a1", "bad", "b2", "c1"], ["a1"], ["bad"], ["c1"], ["b2"]]
    assert sorted(done(TOGETHER)) == ["a1", "b2", "c1"]
    dead = DeadLetter.objects.get()
    assert (dead.error_class, dead.error, dead.attempts) == ("PermanentFailure", "no such item", 1)
    assert (dead.subscriber, dead.key, dead.payload) == (TOGETHER, "b", '{"name":"bad","behaviour":"give up"}')
    assert is_settled()


def test_a_failing_message_holds_back_its_key_from_the_next_lists():
    take("a", "late", behaviour="fail twice")
    take("a", "a2")
    take("b", "b1")
    opened(TOGETHER)
    with pytest.raises(RuntimeError):
        look(TOGETHER, "a", "b")
    Delivery.objects.update(held_until="2100-01-01T00:00Z")
    take("a", "a3")
    take("b", "b2")
    opened(TOGETHER)
    look(TOGETHER, "a", "b")
    assert done(TOGETHER) == ["b1", "b2"]
    for _ in range(2):
        Delivery.objects.update(held_until=None)
        with suppress(RuntimeError):
            look(TOGETHER, "a", again=True)
    assert done(TOGETHER) == ["b1", "b2", "late", "a2", "a3"]


def test_a_key_that_another_worker_is_at_is_left_to_it(monkeypatch):
    take("a", "a1", "a2", "a3", "a4", "a5")
    opened(TOGETHER)
    begun, go_on = threading.Event(), threading.Event()
    behave = subscribers.behave

    def wait(message: object) -> None:
        monkeypatch.setattr(subscribers, "behave", behave)
        begun.set()
        assert go_on.wait(10)

    def run() -> None:
        look(TOGETHER, "a")
        connection.close()

    monkeypatch.setattr(subscribers, "behave", wait)
    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(10)
    take("b", "b1")
    opened(TOGETHER)
    look(TOGETHER, "a", "b")
    assert done(TOGETHER) == ["b1"], "a5 is free, and must not overtake a1 to a4"
    go_on.set()
    thread.join()
    assert sorted(done(TOGETHER)) == ["a1", "a2", "a3", "a4", "a5", "b1"]
    assert in_commit_order(TOGETHER)
    assert is_settled()


def test_a_list_that_was_settled_meanwhile_is_only_closed(lists):
    take("a", "1", "2")
    opened(TOGETHER)
    first = sql.first_open(TOGETHER, "a", strict=False)
    assert first is not None
    with transaction.atomic():
        sql.claim(first.envelope, TOGETHER)
    look(TOGETHER, "a")
    assert lists == [["2"]]
    assert is_settled()


def test_a_message_that_is_handed_over_comes_in_a_list_of_one(lists):
    take("a", "1")
    opened(TOGETHER)
    first = sql.first_open(TOGETHER, "a", strict=False)
    assert first is not None
    inbox.deliver(TOGETHER, first.envelope)
    assert lists == [["1"]]


def test_real_workers_take_them_together(worker):
    worker("events", concurrency=4)
    for number in range(30):
        take("abc"[number % 3], str(number))
    relay = relay_to(CeleryTransport())
    until(lambda: relay.drain() == 0 and is_settled())
    assert len(done(TOGETHER)) == 30
    assert in_commit_order(TOGETHER)
    names = [str(number) for number in range(30)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT xmin::text) FROM hostapp_effect WHERE name = ANY(%s) AND subscriber = %s",
            [names, TOGETHER],
        )
        assert cursor.fetchone()[0] < 30


def test_it_is_told_of_so_many_messages_as_it_takes_at_once():
    for key in "abc":
        take(key, f"{key}1", f"{key}2")
    transport = MemoryTransport()
    relay_to(transport).drain()
    told = [one for one in wakeups(transport.sent) if one.subscriber == TOGETHER]
    assert [one.keys for one in told] == [["a", "b"], ["c"]]


def test_a_call_and_at_once_exclude_each_other():
    with pytest.raises(OutboxDeclarationError, match="a `call` is made for one message"):
        subscribe(StepTaken, name="host.both", at_once=2, call=lambda message: None)(lambda messages: None)
    with pytest.raises(OutboxDeclarationError, match="`at_once` is 1 or more"):
        subscribe(StepTaken, name="host.none_at_all", at_once=0)(lambda messages: None)
    with pytest.raises(OutboxDeclarationError, match="`order` is one of none, key, strict"):
        subscribe(StepTaken, name="host.odd", order="any")(lambda message: None)  # type: ignore[arg-type]


def test_one_task_goes_on_with_all_keys_when_the_time_is_up(monkeypatch):
    for key in "abc":
        take(key, f"{key}1", f"{key}2", behaviour="fail")
    opened(TOGETHER)
    monkeypatch.setattr(in_order, "LONGEST", 0)
    asked = []
    in_order.deliver_open(TOGETHER, ["a", "b", "c"], again=True, go_on=lambda: asked.append(True))
    assert len(asked) == 1
