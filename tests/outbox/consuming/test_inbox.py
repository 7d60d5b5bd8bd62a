"""Each subscriber's effects happen once; failures are tried again as declared, then become dead letters."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from outbox import PermanentFailure, publish, sql
from outbox.consuming import inbox
from outbox.consuming.inbox import GaveUp
from outbox.errors import CannotRead
from outbox.ids import uuid7
from outbox.messages import trace
from outbox.messages.envelope import Envelope
from outbox.models import DeadLetter, Delivery, InboxEntry, PublishedMessage
from outbox.operations.requeue import requeue
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp.events import ItemCounted
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST
from tests.support.outbox.relaying import marked, relay_to, unpublished
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def envelope(request) -> Envelope:
    """A published message to the first subscriber; its behaviour is the test's `behaviour` mark."""
    mark = request.node.get_closest_marker("behaviour")
    return _published(mark.args[0] if mark else "succeed")


def _commit(behaviour: str = "succeed") -> None:
    with transaction.atomic():
        publish(ItemCounted("a", behaviour), key="item:a")


def _published(behaviour: str) -> Envelope:
    _commit(behaviour)
    transport = MemoryTransport()
    relay_to(transport).drain()
    Delivery.objects.exclude(subscriber=FIRST).delete()
    return transport.sent[0].envelope


def _again() -> Envelope:
    """The copy that the relay publishes next."""
    Delivery.objects.update(due_at="2000-01-01T00:00Z")
    return sql.take_overdue("tasks", 1, timedelta(seconds=30))[0].envelope


def test_the_effect_the_inbox_entry_and_the_confirmation_commit_together(envelope):
    inbox.deliver(FIRST, envelope)
    assert Effect.objects.get().attempt == 1
    assert str(InboxEntry.objects.get().message_id) == envelope.id
    assert not Delivery.objects.exists()


def test_the_same_message_twice_has_one_effect(envelope):
    inbox.deliver(FIRST, envelope)
    inbox.deliver(FIRST, envelope)
    inbox.deliver(FIRST, envelope, redelivered=True)
    assert Effect.objects.count() == 1


def test_the_same_message_on_two_connections_at_once_has_one_effect(envelope, monkeypatch):
    claimed, go_on = threading.Event(), threading.Event()
    write = sql.claim

    def claim_and_wait(*args):
        won = write(*args)
        if won:
            claimed.set()
            assert go_on.wait(10)
        return won

    monkeypatch.setattr(sql, "claim", claim_and_wait)

    def run() -> None:
        inbox.deliver(FIRST, envelope)
        connection.close()

    slow, quick = threading.Thread(target=run), threading.Thread(target=run)
    slow.start()
    assert claimed.wait(10)
    quick.start()
    until(_someone_waits_for_a_lock, 10)
    go_on.set()
    slow.join()
    quick.join()
    assert Effect.objects.count() == 1


def test_a_late_copy_closes_the_delivery_that_the_mark_opened_after_the_fact(envelope):
    inbox.deliver(FIRST, envelope)
    Delivery.objects.create(
        message_id=envelope.id,
        subscriber=FIRST,
        due_at="2000-01-01T00:00Z",
        destination="tasks",
        day=envelope.day,
        position=1,
    )
    inbox.deliver(FIRST, _again())
    assert not Delivery.objects.exists()
    assert Effect.objects.count() == 1


def in_thread(act: Callable[[], object]) -> None:
    """Over a connection of its own, to its end."""

    def run() -> None:
        act()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_one_that_is_handled_while_its_mark_is_written_stays_open_no_longer(monkeypatch):
    """The handler's transaction begins and ends while the mark cannot see it, nor be seen."""
    _commit()
    mark = sql.mark

    def slow(destination, rows, *given, **more):
        with transaction.atomic():
            mark(destination, rows, *given, **more)
            in_thread(lambda: inbox.deliver(FIRST, rows[0].envelope))

    monkeypatch.setattr(sql, "mark", slow)
    relay_to(MemoryTransport()).drain()
    assert Effect.objects.count() == 1
    assert not Delivery.objects.filter(subscriber=FIRST).exists()


def test_one_that_is_marked_before_its_handlers_commit_stays_open_no_longer(monkeypatch):
    """The whole mark comes between the handler's last statement and its commit."""
    _commit()
    envelope = unpublished()[0]
    confirm, once = sql.confirm, iter([True])

    def confirm_and_wait(*given):
        closed = confirm(*given)
        if next(once, False):
            in_thread(relay_to(MemoryTransport()).drain)
        return closed

    monkeypatch.setattr(sql, "confirm", confirm_and_wait)
    inbox.deliver(FIRST, envelope)
    assert Effect.objects.count() == 1
    assert not Delivery.objects.filter(subscriber=FIRST).exists()


def test_the_handler_runs_in_the_trace_of_the_request(envelope):
    inbox.deliver(FIRST, envelope)
    assert Effect.objects.get().trace_id == trace.from_headers(envelope.trace_headers).trace_id


@pytest.mark.behaviour("fail twice")
def test_a_failing_handler_is_tried_again_and_leaves_no_trace_of_the_failed_tries(envelope):
    with pytest.raises(RuntimeError):
        inbox.deliver(FIRST, envelope)
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.last_error) == (1, "RuntimeError: not yet")
    assert not Effect.objects.exists()
    assert not InboxEntry.objects.exists()
    with pytest.raises(RuntimeError):
        inbox.deliver(FIRST, _again())
    inbox.deliver(FIRST, _again())
    assert Effect.objects.get().attempt == 3
    assert not Delivery.objects.exists()


@pytest.mark.behaviour("fail")
def test_when_its_attempts_are_spent_it_becomes_a_dead_letter_with_all_that_happened(envelope):
    with pytest.raises(RuntimeError):
        inbox.deliver(FIRST, envelope)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            inbox.deliver(FIRST, _again())
    dead = DeadLetter.objects.get()
    assert (dead.subscriber, dead.attempts, dead.error_class, dead.error) == (
        FIRST,
        3,
        "RuntimeError",
        "the handler fails",
    )
    assert (str(dead.message_id), dead.payload, dead.key) == (envelope.id, envelope.payload, "item:a")
    assert "behave" in dead.traceback
    assert not Delivery.objects.exists()


@pytest.mark.behaviour("fail twice")
def test_a_copy_that_is_behind_the_books_is_dropped(envelope):
    with pytest.raises(RuntimeError):
        inbox.deliver(FIRST, envelope)
    stale, _ = _again(), None
    with pytest.raises(RuntimeError):
        inbox.deliver(FIRST, stale)
    inbox.deliver(FIRST, stale)
    assert Delivery.objects.get().attempts == 2, "the second delivery of one copy ran nothing"


@pytest.mark.behaviour("give up")
def test_a_permanent_failure_is_a_dead_letter_at_once(envelope):
    with pytest.raises(PermanentFailure):
        inbox.deliver(FIRST, envelope)
    assert DeadLetter.objects.get().attempts == 1
    inbox.deliver(FIRST, envelope)
    assert not Effect.objects.exists(), "a dead letter is settled until somebody requeues it"


@pytest.mark.behaviour("give up")
def test_a_dead_letter_that_was_quicker_than_the_mark_gets_no_delivery():
    with transaction.atomic():
        publish(ItemCounted("a", "give up"))
    with pytest.raises(PermanentFailure):
        inbox.deliver(FIRST, unpublished()[0])
    marked(FIRST)
    assert not Delivery.objects.exists()


@pytest.mark.behaviour("wait")
def test_retry_after_waits_that_long_and_costs_no_attempt(envelope):
    for copy in (lambda: envelope, _again):
        inbox.deliver(FIRST, copy())
        delivery = Delivery.objects.get()
        assert (delivery.attempts, delivery.last_error) == (0, "the shop is closed")
        assert delivery.due_at > delivery.created_at + timedelta(minutes=59)
    assert not Effect.objects.exists()


@pytest.mark.behaviour("fail")
def test_a_handler_that_never_ends_runs_out_of_attempts_too(envelope, monkeypatch):
    monkeypatch.setattr(inbox.Delivery, "run", lambda self: None)  # as if the worker died: nothing is recorded
    for _ in range(3):
        inbox.deliver(FIRST, _again())
    monkeypatch.undo()
    with pytest.raises(GaveUp, match=r"host\.first was begun 3 times and never ended"):
        inbox.deliver(FIRST, _again())
    assert DeadLetter.objects.get().error_class == "GaveUp"


def test_an_unknown_subscriber_is_a_dead_letter_that_says_so(envelope):
    with pytest.raises(CannotRead, match=r"No subscriber is named host\.gone here"):
        inbox.deliver("host.gone", envelope)
    assert DeadLetter.objects.get().subscriber == "host.gone"


def test_an_unknown_version_is_a_dead_letter_that_says_so(envelope):
    old = Envelope(str(uuid7()), "host.item_counted", 1, "k", "{}", envelope.headers, envelope.occurred_at)
    with pytest.raises(
        CannotRead, match=r"reads host\.item_counted version 2; this message is host\.item_counted version 1"
    ):
        inbox.deliver(FIRST, old)
    assert DeadLetter.objects.get().version == 1


def test_a_body_that_does_not_fit_is_a_dead_letter_that_says_so(envelope):
    odd = Envelope(str(uuid7()), envelope.type, 2, "k", '{"name": 7}', envelope.headers, envelope.occurred_at)
    with pytest.raises(CannotRead, match="The body is not a ItemCounted"):
        inbox.deliver(FIRST, odd)
    assert DeadLetter.objects.get().attempts == 1


def test_a_subscriber_cannot_be_run_inside_a_foreign_transaction(envelope):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        inbox.deliver(FIRST, envelope)


def test_a_copy_older_than_the_history_is_dropped_unless_it_is_on_the_books(envelope, settings):
    settings.OUTBOX_KEEP_PUBLISHED = timedelta(0)
    Delivery.objects.all().delete()
    inbox.deliver(FIRST, envelope)
    assert not Effect.objects.exists()
    Delivery.objects.create(
        message_id=envelope.id,
        subscriber=FIRST,
        due_at="2000-01-01T00:00Z",
        destination="tasks",
        day=envelope.day,
        position=1,
    )
    inbox.deliver(FIRST, envelope)
    assert Effect.objects.count() == 1


@pytest.mark.behaviour("give up")
def test_a_requeued_dead_letter_is_delivered_with_a_fresh_budget(envelope):
    with pytest.raises(PermanentFailure):
        inbox.deliver(FIRST, envelope)
    PublishedMessage.objects.all().delete()  # pruned meanwhile
    DeadLetter.objects.update(payload='{"name":"mended"}')
    dead = DeadLetter.objects.get()
    assert requeue(dead.pk)
    assert not requeue(dead.pk), "once"
    inbox.deliver(FIRST, _again())
    assert Effect.objects.get().name == "mended"
    assert not DeadLetter.objects.exists()


def _someone_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.behaviour("give up")
def test_a_task_of_the_release_before_destinations_can_be_requeued_when_it_was_given_up(envelope):
    older: Any = {name: value for name, value in envelope.wire().items() if name not in ("position", "destination")}
    with pytest.raises(PermanentFailure):
        inbox.deliver(FIRST, Envelope.from_wire(older))
    assert requeue(DeadLetter.objects.get().pk)
    assert _again().id == envelope.id
