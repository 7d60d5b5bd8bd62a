"""History is pruned without breaking the inbox; status and health tell how the outbox stands."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F

from outbox import publish, sql
from outbox.consuming import inbox
from outbox.ids import uuid7
from outbox.maintenance.prune import prune
from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage, PublishedMessage
from outbox.monitoring import health
from outbox.testing import drain, published
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp.events import ItemCounted
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST, SECOND
from tests.support.outbox.relaying import relay_to, unpublished

pytestmark = pytest.mark.django_db(transaction=True)
MONTH = timedelta(days=30)


def grow_old() -> None:
    """All that is there was written a month ago: by its times, its days and the times in its ids."""
    for model in (OutboxMessage, PublishedMessage, InboxEntry, Delivery, DeadLetter):
        for row in model.objects.all():
            older = UUID(int=row.message_id.int - (int(MONTH.total_seconds() * 1000) << 80))
            fields = {field.name for field in model._meta.fields}
            times = {name: F(name) - MONTH for name in fields & {"created_at", "published_at", "handled_at", "died_at"}}
            day = {"day": F("day") - MONTH} if "day" in fields else {}
            model.objects.filter(message_id=row.message_id).update(message_id=older, **times, **day)


def test_what_is_old_and_settled_is_pruned_and_what_is_young_is_kept(commit):
    commit("old")
    drain()
    grow_old()
    commit("young")
    drain()
    prune()
    assert PublishedMessage.objects.get().key == "item:young"
    assert InboxEntry.objects.count() == 2


def test_a_day_that_is_old_is_dropped_with_its_partitions(commit):
    long_ago = datetime.now(UTC).date() - MONTH
    for table in sql.PARTITIONED:
        with transaction.atomic():
            sql.add_partition(table, long_ago)
    commit("old")
    drain()
    grow_old()
    assert PublishedMessage.objects.count() == 1
    assert prune() == 2
    assert not PublishedMessage.objects.exists()
    assert not InboxEntry.objects.exists()
    assert all(long_ago not in sql.partition_days(table) for table in sql.PARTITIONED)


def test_a_day_that_a_subscriber_still_waits_for_is_kept_until_it_has_confirmed(commit):
    long_ago = datetime.now(UTC).date() - MONTH
    for table in sql.PARTITIONED:
        with transaction.atomic():
            sql.add_partition(table, long_ago)
    commit("a")
    transport = MemoryTransport()
    relay_to(transport).drain()
    grow_old()
    assert prune() == 0
    assert PublishedMessage.objects.count() == 1
    Delivery.objects.all().delete()
    assert prune() == 2
    assert not PublishedMessage.objects.exists()


def test_rows_that_came_before_their_partition_are_moved_into_it(commit):
    later = datetime.now(UTC).date() + timedelta(days=40)
    commit("a")
    drain()
    PublishedMessage.objects.update(day=later)
    with transaction.atomic():
        sql.add_partition("outbox_published", later)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM outbox_published")
        assert cursor.fetchall() == [(f"outbox_published_{later:%Y%m%d}",)]
    PublishedMessage.objects.all().delete()
    sql.drop_partition("outbox_published", later)


def test_partitions_are_made_ahead():
    today = datetime.now(UTC).date()
    for table in sql.PARTITIONED:
        sql.drop_partition(table, today + timedelta(days=3))
    prune()
    for table in sql.PARTITIONED:
        assert set(sql.partition_days(table)) >= {today + timedelta(days=n) for n in range(4)}


def test_what_a_subscriber_still_waits_for_is_kept_with_its_inbox(commit):
    commit("a")
    transport = MemoryTransport()
    relay_to(transport).drain()
    inbox.deliver(FIRST, transport.sent[0].envelope)
    grow_old()
    prune()
    assert Delivery.objects.get().subscriber == SECOND
    assert PublishedMessage.objects.count() == InboxEntry.objects.count() == 1


def test_an_inbox_entry_outlives_whatever_could_be_delivered_again(commit):
    commit("unmarked")  # published and handled, and the relay died before its mark
    inbox.deliver(FIRST, unpublished()[0])
    grow_old()
    prune()
    assert InboxEntry.objects.count() == 1


def test_unpublished_messages_and_dead_letters_are_never_pruned(commit):
    commit("a")
    sql.dead_letter_delivery(unpublished()[0], FIRST, 3, ("Boom", "text", "trail"))
    grow_old()
    prune()
    assert OutboxMessage.objects.count() == 1
    assert DeadLetter.objects.count() == 1


def test_drain_runs_the_subscribers_without_a_broker(commit):
    commit("a", "b")
    drain()
    assert Effect.objects.count() == 4
    assert not Delivery.objects.exists()


def test_drain_raises_what_a_subscriber_raises(commit):
    commit("a", behaviour="fail")
    with pytest.raises(RuntimeError, match="the handler fails"):
        drain()
    assert Delivery.objects.get(subscriber=FIRST).attempts == 1


def test_published_gives_back_the_events(commit):
    commit("a", "b")
    drain()
    commit("c")
    assert published(ItemCounted) == [ItemCounted("a"), ItemCounted("b"), ItemCounted("c")]
    assert published(ItemCounted, key="item:b") == [ItemCounted("b")]


def test_the_oldest_age_is_that_of_the_first_message(commit):
    assert health.oldest_unpublished_age() is None
    commit("a")
    OutboxMessage.objects.update(created_at=F("created_at") - timedelta(minutes=5))
    commit("b")
    age = health.oldest_unpublished_age()
    assert age is not None
    assert timedelta(minutes=5) <= age < timedelta(minutes=6)


def test_status_never_counts_beyond_a_thousand():
    with transaction.atomic():
        for number in range(1001):
            publish(ItemCounted(str(number)))
    out = StringIO()
    call_command("outbox", "status", stdout=out)
    assert "1000+" in out.getvalue()


def test_the_busy_tables_are_vacuumed_by_count():
    with connection.cursor() as cursor:
        like = "relname LIKE 'outbox%' AND relkind = 'r'"
        cursor.execute(f"SELECT relname, array_to_string(reloptions, ' ') FROM pg_class WHERE {like}")
        options = dict(cursor.fetchall())
    for table in ("outbox_message", "outbox_delivery"):
        assert "autovacuum_vacuum_scale_factor=0" in options[table]
    assert options["outbox_shard"] == "fillfactor=50"


def test_a_dead_letter_of_the_same_message_and_subscriber_exists_once(commit):
    commit("a")
    envelope = unpublished()[0]
    for _ in range(2):
        sql.dead_letter_delivery(envelope, FIRST, 3, ("Boom", "text", "trail"))
    assert DeadLetter.objects.count() == 1
    assert str(uuid7()) > envelope.id
