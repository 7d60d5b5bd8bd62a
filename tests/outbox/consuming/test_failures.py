"""Our own failures spend no attempt of a subscriber; its bugs do, also those that look like ours."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError, connection, transaction
from kombu.exceptions import OperationalError as BrokerAway
from psycopg2 import errors

from outbox import publish, sql
from outbox.consuming import failures, inbox
from outbox.messages.envelope import Envelope
from outbox.models import DeadLetter, Delivery
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp import subscribers
from tests.support.hostapp.events import ItemCounted
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST, KEYED
from tests.support.outbox.relaying import relay_to
from tests.support.outbox.steps import done, look, opened, take

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def envelope() -> Envelope:
    with transaction.atomic():
        publish(ItemCounted("a", "succeed"), key="item:a")
    transport = MemoryTransport()
    relay_to(transport).drain()
    Delivery.objects.exclude(subscriber=FIRST).delete()
    return transport.sent[0].envelope


def again() -> Envelope:
    """The copy that the relay publishes next."""
    Delivery.objects.update(due_at="2000-01-01T00:00Z")
    return sql.take_overdue("tasks", 1, timedelta(seconds=30))[0].envelope


def lose_the_session(*_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


class Coded(Exception):
    """As psycopg raises what PostgreSQL says."""

    def __init__(self, pgcode: str) -> None:
        super().__init__(pgcode)
        self.pgcode = pgcode


def of(pgcode: str, kind: type[Exception] = OperationalError) -> Exception:
    """As Django raises it."""
    error = kind(errors.lookup(pgcode).__name__)
    error.__cause__ = Coded(pgcode)
    return error


def behaving(monkeypatch: Any, behave: Callable[[Any], None]) -> None:
    monkeypatch.setattr(subscribers, "behave", behave)


def test_a_lost_session_spends_no_attempt_and_its_words_say_whose_it_was(envelope, monkeypatch):
    monkeypatch.setattr(subscribers, "behave", lose_the_session)
    for copy in (lambda: envelope, again, again, again):
        with pytest.raises(OperationalError):
            inbox.deliver(FIRST, copy())
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.failed_by_us) == (0, 4)
    assert delivery.last_error.startswith("Infrastructure failure, which uses up no attempt: ")
    monkeypatch.undo()
    inbox.deliver(FIRST, again())
    assert Effect.objects.get().attempt == 1
    assert not DeadLetter.objects.exists()


def test_at_the_last_attempt_neither(envelope, monkeypatch):
    Delivery.objects.update(attempts=2)
    monkeypatch.setattr(subscribers, "behave", lose_the_session)
    with pytest.raises(OperationalError):
        inbox.deliver(FIRST, again())
    assert (Delivery.objects.get().attempts, DeadLetter.objects.count()) == (2, 0)


def test_a_subscriber_that_takes_them_in_order_spends_none_either(monkeypatch):
    take("a", "a1", "a2")
    opened(KEYED)
    monkeypatch.setattr(subscribers, "behave", lose_the_session)
    for _ in range(4):
        Delivery.objects.update(held_until=None)
        with pytest.raises(OperationalError):
            look(KEYED, "a", again=True)
    assert list(Delivery.objects.order_by("position").values_list("attempts", "failed_by_us")) == [(0, 4), (0, 0)]
    monkeypatch.undo()
    Delivery.objects.update(held_until=None)
    look(KEYED, "a", again=True)
    assert done(KEYED) == ["a1", "a2"]


def test_a_handler_that_ends_the_session_each_time_is_a_dead_letter_after_all(envelope, monkeypatch):
    monkeypatch.setattr(subscribers, "behave", lose_the_session)
    Delivery.objects.update(failed_by_us=failures.MOST_IN_A_ROW)
    for _ in range(3):
        Delivery.objects.update(failed_by_us=failures.MOST_IN_A_ROW)
        with pytest.raises(OperationalError):
            inbox.deliver(FIRST, again())
    assert DeadLetter.objects.get().attempts == 3


def test_each_time_the_next_try_comes_later_up_to_a_minute(envelope, monkeypatch):
    monkeypatch.setattr(subscribers, "behave", lose_the_session)
    waits = []
    for times in (0, 2, 5, 19):
        Delivery.objects.update(failed_by_us=times)
        with pytest.raises(OperationalError):
            inbox.deliver(FIRST, again())
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM held_until - statement_timestamp())::float8 FROM outbox_delivery")
            waits.append(cursor.fetchone()[0])
    assert waits == sorted(waits)
    assert 44 < waits[-1] <= 75


def test_what_became_of_it_is_written_down_once_the_database_is_back(envelope, monkeypatch):
    """The session is lost between the failure and its record."""
    hold = sql.hold_delivery
    lost: list[bool] = []

    def losing(*given: Any) -> None:
        if not lost:
            lost.append(True)
            lose_the_session()
        hold(*given)

    monkeypatch.setattr(sql, "hold_delivery", losing)
    monkeypatch.setattr(subscribers, "behave", lambda message: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        inbox.deliver(FIRST, envelope)
    assert lost
    assert Delivery.objects.get().attempts == 1


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("server closed the connection unexpectedly"),
        DatabaseError("server closed the connection unexpectedly"),
        InterfaceError("connection already closed"),
        of("57P01"),
        of("57P03"),
        of("40P01"),
        of("40001"),
        of("55P03"),
        of("25P03", DatabaseError),
        of("25006", DatabaseError),
        BrokerAway("connection refused"),
    ],
    ids=str,
)
def test_what_passes_by_itself_is_ours(error):
    assert failures.is_infrastructure(error)
    wrapped = RuntimeError("cannot write it down")
    wrapped.__cause__ = error
    assert failures.is_infrastructure(wrapped)


@pytest.mark.parametrize(
    "error",
    [
        ProgrammingError("relation does not exist"),
        of("57014"),
        InterfaceError("cursor already closed"),
        TimeoutError("the bank does not answer"),
        ConnectionError("the bank is away"),
        RuntimeError("a bug"),
    ],
    ids=str,
)
def test_what_fails_again_is_not(error):
    assert not failures.is_infrastructure(error)


def test_two_who_lock_crosswise_both_succeed_and_neither_spent_an_attempt(monkeypatch):
    """A real deadlock: PostgreSQL ends one of the two."""
    take("a", "a1")
    take("b", "b1")
    opened(KEYED)
    both = threading.Barrier(2)

    def crosswise(message: Any) -> None:
        first, second = ("a", "b") if message.body.name == "a1" else ("b", "a")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [first])
            both.wait(10)
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [second])

    monkeypatch.setattr(subscribers, "behave", crosswise)
    failed: list[Exception] = []

    def run(key: str) -> None:
        try:
            look(KEYED, key)
        except OperationalError as error:
            failed.append(error)
        connection.close()

    threads = [threading.Thread(target=run, args=(key,)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    assert Delivery.objects.get().attempts == 0
    assert len(done(KEYED)) == 1
