"""A handler runs in a transaction of its own that counts; where it would not, nothing is recorded as handled."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import DatabaseError, connection, transaction

from outbox import OutboxError, sql
from outbox.consuming import inbox
from outbox.models import Delivery, InboxEntry
from outbox.sql import OpenDelivery
from tests.support.hostapp import subscribers
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import KEYED, TOGETHER
from tests.support.outbox.steps import done, look, opened, take

pytestmark = pytest.mark.django_db(transaction=True)


def handed(subscriber: str) -> None:
    """As by a task that carries the message."""
    inbox.deliver(subscriber, _first(subscriber).envelope)


def looked_for(subscriber: str) -> None:
    """As by a task that says where to look."""
    look(subscriber, "a", again=Delivery.objects.filter(attempts__gt=0).exists())


def _first(subscriber: str) -> OpenDelivery:
    first = sql.first_open(subscriber, "a", strict=False)
    assert first is not None
    return first


ways = pytest.mark.parametrize("deliver", [handed, looked_for])
who = pytest.mark.parametrize("subscriber", [KEYED, TOGETHER])


@pytest.fixture(autouse=True)
def _open() -> None:
    take("a", "1")
    opened(KEYED, TOGETHER)


def swallow_an_error(_message: object) -> None:
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def roll_back(_message: object) -> None:
    transaction.set_rollback(True)


def commit(_message: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("COMMIT")


@ways
@who
@pytest.mark.parametrize("handle", [swallow_an_error, roll_back])
def test_a_handler_that_leaves_its_transaction_broken_has_failed(deliver, subscriber, handle, monkeypatch):
    monkeypatch.setattr(subscribers, "behave", handle)
    with pytest.raises(OutboxError, match="returned after an error of the database"):
        deliver(subscriber)
    assert not InboxEntry.objects.exists()
    assert "OutboxError" in Delivery.objects.get(subscriber=subscriber).last_error
    monkeypatch.undo()
    Delivery.objects.update(held_until=None)
    deliver(subscriber)
    assert done(subscriber) == ["1"]


@ways
@who
def test_a_handler_that_commits_by_itself_is_told_not_to(deliver, subscriber, monkeypatch):
    monkeypatch.setattr(subscribers, "behave", commit)
    with pytest.raises(OutboxError, match="ended the transaction itself"):
        deliver(subscriber)


@ways
@who
def test_a_handler_is_not_run_inside_a_foreign_transaction(deliver: Callable[[str], None], subscriber):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        deliver(subscriber)
    assert Delivery.objects.get(subscriber=subscriber).attempts == 0
    assert not Effect.objects.exists()


@ways
@who
def test_a_handler_is_not_run_where_nothing_is_committed(deliver, subscriber):
    transaction.set_autocommit(False)
    try:
        with pytest.raises(OutboxError, match="AUTOCOMMIT is off"):
            deliver(subscriber)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert Delivery.objects.get(subscriber=subscriber).attempts == 0
