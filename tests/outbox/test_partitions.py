"""The inbox is pruned by the day, and nothing on our books is handled twice for it: over two connections."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from outbox import inbox, partitions, sql
from outbox.models import Delivery, InboxEntry, PublishedMessage
from outbox.prune import prune
from outbox.transports.memory import MemoryTransport
from tests.workers import until

from .hostapp.models import Effect
from .hostapp.subscribers import FIRST
from .relaying import relay_to
from .steps import someone_waits
from .test_upkeep import MONTH, grow_old

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = datetime.now(UTC).date() - MONTH


@pytest.fixture
def old_day() -> Iterator[None]:
    """Partitions for the day a month ago."""
    for table in sql.PARTITIONED:
        with transaction.atomic():
            sql.add_partition(table, LONG_AGO)
    yield
    for table in sql.PARTITIONED:
        if LONG_AGO in sql.partitions(table):
            sql.drop_partition(table, LONG_AGO)


@pytest.fixture
def old_copy(commit, old_day):
    """A message of a month ago, still open for one subscriber."""
    commit("a")
    relay_to(MemoryTransport()).drain()
    Delivery.objects.exclude(subscriber=FIRST).delete()
    grow_old()
    Delivery.objects.update(due_at="2000-01-01T00:00Z")
    return sql.take_overdue("tasks", 1, timedelta(seconds=30))[0].envelope._replace(again=False)


@contextmanager
def meanwhile(act) -> Iterator[threading.Thread]:
    """On another connection."""

    def run() -> None:
        act()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join()


def test_a_copy_that_is_handled_while_its_day_is_dropped_has_one_effect(old_copy, monkeypatch):
    call = inbox.Delivery._call

    def another_copy_is_quicker(delivery):
        monkeypatch.setattr(inbox.Delivery, "_call", call)
        inbox.deliver(FIRST, old_copy)
        prune()
        assert LONG_AGO not in sql.partitions("outbox_inbox")
        return call(delivery)

    monkeypatch.setattr(inbox.Delivery, "_call", another_copy_is_quicker)
    inbox.deliver(FIRST, old_copy)
    assert Effect.objects.count() == 1


def test_a_day_that_a_handler_is_at_is_not_dropped_before_its_end_and_its_late_copy_does_nothing(old_copy):
    with meanwhile(prune):
        with transaction.atomic():
            assert sql.lock_open(old_copy.id, FIRST)
            assert sql.claim(old_copy, FIRST)
            sql.confirm(old_copy.id, FIRST)
            prune_sees_it = sql.partitions("outbox_inbox")
        assert LONG_AGO in prune_sees_it
    prune()
    assert LONG_AGO not in sql.partitions("outbox_inbox")
    inbox.deliver(FIRST, old_copy)
    assert not Effect.objects.exists()


def test_a_day_that_is_locked_is_left_for_another_time_and_the_rest_is_pruned(old_day, commit, monkeypatch, caplog):
    monkeypatch.setattr(partitions, "PATIENCE", "200ms")
    commit("a")
    relay_to(MemoryTransport()).drain()
    with transaction.atomic():
        InboxEntry.objects.create(subscriber="x", message_id="0" * 32, day=LONG_AGO)
        with meanwhile(prune) as pruning:
            pruning.join()
    assert "A partition is busy" in caplog.text
    assert LONG_AGO in sql.partitions("outbox_inbox")
    assert LONG_AGO not in sql.partitions("outbox_published")
    assert prune() == 1


def test_a_day_that_somebody_came_to_need_before_it_was_locked_is_kept(old_copy, monkeypatch):
    delivery = Delivery.objects.get()
    delivery.delete()
    lock = sql.lock_whole

    def needed_meanwhile(table):
        if table == "outbox_published":
            delivery.save(force_insert=True)
        lock(table)

    monkeypatch.setattr(sql, "lock_whole", needed_meanwhile)
    assert prune() == 0
    assert PublishedMessage.objects.count() == 1


def test_two_prunes_at_once_make_and_drop_each_day_once(old_day):
    tomorrow = datetime.now(UTC).date() + timedelta(days=3)
    sql.drop_partition("outbox_inbox", tomorrow)
    with ExitStack() as prunes, transaction.atomic():
        sql.lock_whole("outbox_inbox")
        for _ in range(2):
            prunes.enter_context(meanwhile(prune))
        until(someone_waits, 10)
    assert tomorrow in sql.partitions("outbox_inbox")
    assert LONG_AGO not in sql.partitions("outbox_inbox")


@pytest.mark.parametrize(("keep", "kept"), [(timedelta(hours=12), 1), (timedelta(hours=36), 2), (timedelta(days=7), 7)])
def test_a_day_is_dropped_when_its_last_message_is_old_and_the_inbox_a_day_later(keep, kept, monkeypatch):
    now = datetime(2027, 3, 10, 0, 5, tzinfo=UTC)
    dropped: dict[str, datetime] = {}

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return now

    monkeypatch.setattr(partitions, "datetime", Clock)
    monkeypatch.setattr(partitions, "AHEAD", -1)
    monkeypatch.setattr(partitions, "_drop_old", lambda table, oldest: dropped.setdefault(table, oldest) and 0)
    partitions.keep_up(keep)
    assert dropped["outbox_published"] == now.date() - timedelta(days=kept)
    assert dropped["outbox_inbox"] == now.date() - timedelta(days=kept + 1)


def test_a_late_copy_that_is_in_the_default_partition_is_known(commit, old_copy):
    for table in sql.PARTITIONED:
        sql.drop_partition(table, LONG_AGO)
    PublishedMessage.objects.all().delete()
    inbox.deliver(FIRST, old_copy)
    assert Effect.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM outbox_inbox")
        assert cursor.fetchall() == [("outbox_inbox_default",)]
    inbox.deliver(FIRST, old_copy)
    assert Effect.objects.count() == 1
