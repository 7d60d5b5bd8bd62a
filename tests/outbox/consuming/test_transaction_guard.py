"""What guards a delivery while others work on the same rows, or die at work."""

import json
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from outbox import publish, settings, sql
from outbox.consuming import inbox
from outbox.ids import uuid7
from outbox.maintenance.prune import prune
from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage, PublishedMessage
from outbox.operations.requeue import requeue
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp import subscribers
from tests.support.hostapp.events import ItemCounted
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST
from tests.support.outbox.relaying import relay_to
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_that_dies_in_the_handler_leaves_the_delivery_open(commit, monkeypatch):
    commit("a")
    transport = MemoryTransport()
    relay_to(transport).drain()

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
            taken = sql.take_overdue("tasks", 10, settings.redeliver_after())
        assert [one.subscriber for one in taken] == ["host.second"]
    finally:
        other.close()


def test_messages_of_a_key_go_out_in_the_order_in_which_they_were_written(relay, redis_client, settings):
    settings.OUTBOX_BATCH = 2
    sent = []
    with transaction.atomic():
        for name in "abcde":
            sent.append(str(publish(ItemCounted(name), key="item:one")))
            publish(ItemCounted("another"), key=f"item:{name}")
    assert relay.drain() == 10
    tasks = [json.loads(raw)["headers"] for raw in reversed(redis_client.lrange("events", 0, -1))]
    shown = [task["argsrepr"] for task in tasks if task["shadow"] == FIRST]
    assert [one for text in shown for one in sent if one in text] == sent


@pytest.mark.parametrize("books", [OutboxMessage, PublishedMessage, Delivery])
def test_an_inbox_entry_is_kept_while_its_message_is_on_any_of_the_books(books):
    message_id, long_ago = uuid7(), timezone.now() - timedelta(days=30)
    day = date(2000, 1, 1)  # has no partition of its own
    InboxEntry.objects.create(message_id=message_id, subscriber=FIRST, handled_at=long_ago, day=day)
    given: dict[str, Any] = {"message_id": message_id, "destination": "tasks"}
    if books is Delivery:
        given |= {"subscriber": FIRST, "due_at": timezone.now(), "day": day, "position": 1}
    else:
        given |= {"type": "host.item_counted", "version": 2, "payload": "{}", "headers": "{}", "id": 1}
        given["day" if books is PublishedMessage else "shard"] = day if books is PublishedMessage else 0
    books.objects.create(**given)
    prune()
    assert InboxEntry.objects.exists()
    books.objects.all().delete()
    prune()
    assert not InboxEntry.objects.exists()


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


def test_history_that_is_requeued_at_this_moment_is_not_pruned():
    message_id, long_ago, day = uuid7(), timezone.now() - timedelta(days=30), date(2000, 1, 1)
    written = datetime(2000, 1, 1, tzinfo=UTC)
    kept = {"message_id": UUID(int=message_id.int & ~(0xF << 76) | 0x4 << 76), "destination": "tasks"}
    carried: dict[str, Any] = {**kept, "type": "host.item_counted", "version": 2, "payload": "{}", "headers": "{}"}
    PublishedMessage.objects.create(id=1, day=day, published_at=long_ago, **carried)
    dead = DeadLetter.objects.create(subscriber=FIRST, attempts=8, position=1, created_at=written, **carried)

    def prune_it() -> None:
        sql.prune_published(timedelta(days=7), 100)
        connection.close()

    thread = threading.Thread(target=prune_it)
    with transaction.atomic():
        assert requeue(dead.pk)
        thread.start()
        until(lambda: _someone_waits_for_a_lock() or not thread.is_alive(), 10)
    thread.join(10)
    assert PublishedMessage.objects.exists()
    assert sql.take_overdue("tasks", 1, timedelta(seconds=30))


def _someone_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction all looks are one otherwise
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
