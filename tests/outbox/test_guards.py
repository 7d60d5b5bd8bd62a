"""What guards a delivery while others work on the same rows, or die at work."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from outbox import inbox, settings, sql
from outbox.ids import uuid7
from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage, PublishedMessage
from outbox.prune import prune
from outbox.relay import Relay
from outbox.requeue import requeue
from outbox.transports.memory import MemoryTransport
from tests.workers import until

from .hostapp import subscribers
from .hostapp.models import Effect
from .hostapp.subscribers import FIRST

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_that_dies_in_the_handler_leaves_the_delivery_open(commit, monkeypatch):
    commit("a")
    transport = MemoryTransport()
    Relay(transport).drain()

    def die(_message):
        raise KeyboardInterrupt

    monkeypatch.setattr(subscribers, "behave", die)
    with pytest.raises(KeyboardInterrupt):
        inbox.deliver(FIRST, transport.sent[0].envelope)
    assert Delivery.objects.filter(subscriber=FIRST).exists()
    assert not InboxEntry.objects.exists()
    assert not Effect.objects.exists()


def test_a_delivery_that_is_being_confirmed_holds_up_no_other(commit, relay, redis_client):
    commit("a")
    relay.drain()
    Delivery.objects.update(due_at="2000-01-01T00:00Z")
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("DELETE FROM outbox_delivery WHERE subscriber = %s", [FIRST])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            taken = sql.take_overdue(10, settings.redeliver_after())
        assert [one.subscriber for one in taken] == ["host.second"]
    finally:
        other.close()


def test_messages_go_out_in_the_order_in_which_they_were_written(commit, relay, redis_client, settings):
    settings.OUTBOX_BATCH = 2
    names = [str(number) for number in range(5)]
    for name in names:
        commit(name)
    assert relay.drain() == 5
    tasks = [json.loads(raw)["headers"] for raw in reversed(redis_client.lrange("events", 0, -1))]
    first = [task["argsrepr"] for task in tasks if task["shadow"] == FIRST]
    assert [name for shown in first for name in names if f"item:{name}," in shown] == names


@pytest.mark.parametrize("books", [OutboxMessage, PublishedMessage, Delivery, DeadLetter])
def test_an_inbox_entry_is_kept_while_its_message_is_on_any_of_the_books(books):
    message_id = uuid7()
    InboxEntry.objects.create(message_id=message_id, subscriber=FIRST, handled_at=timezone.now() - timedelta(days=30))
    given: dict[str, object] = {"message_id": message_id}
    if books is Delivery:
        given |= {"subscriber": FIRST, "due_at": timezone.now()}
    else:
        given |= {"type": "host.item_counted", "version": 2, "payload": "{}", "headers": "{}"}
    if books is DeadLetter:
        given |= {"subscriber": "host.other", "attempts": 3}
    row = books.objects.create(**given)
    assert prune() == (0, 0)
    row.delete()
    assert prune() == (0, 1)


def test_of_two_who_requeue_a_dead_letter_at_once_one_does():
    dead = DeadLetter.objects.create(
        message_id=uuid7(), type="host.item_counted", version=2, payload="{}", headers="{}", attempts=8
    )
    other = connection.copy()
    second: list[bool] = []

    def press():
        second.append(requeue(dead.pk))
        connection.close()

    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("DELETE FROM outbox_dead_letter WHERE id = %s", [dead.pk])
        thread = threading.Thread(target=press)
        thread.start()
        until(_someone_waits_for_a_lock, 10)
        other.commit()
        thread.join(10)
    finally:
        other.close()
    assert second == [False]
    assert not OutboxMessage.objects.exists(), "the one who was quicker has put it back, nobody else"


def _someone_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
