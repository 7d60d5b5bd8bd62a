"""The inbox is pruned by the day, and nothing on our books is handled twice for it: over two connections."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from outbox import sql
from outbox.consuming import inbox
from outbox.maintenance import partitions
from outbox.maintenance.prune import prune
from outbox.models import Delivery, InboxEntry, PublishedMessage
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST
from tests.support.outbox.relaying import relay_to
from tests.support.outbox.steps import someone_waits
from tests.support.workers import until

from .test_prune import MONTH, grow_old

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
        if LONG_AGO in sql.partition_days(table):
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
        assert LONG_AGO not in sql.partition_days("outbox_inbox")
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
            prune_sees_it = sql.partition_days("outbox_inbox")
        assert LONG_AGO in prune_sees_it
    prune()
    assert LONG_AGO not in sql.partition_days("outbox_inbox")
    inbox.deliver(FIRST, old_copy)
    assert not Effect.objects.exists()


@pytest.fixture
def hurried(monkeypatch) -> None:
    """A prune that does not wait between its tries."""
    monkeypatch.setattr(partitions, "PAUSE", 0)


def test_a_day_that_is_locked_is_left_for_another_time_and_the_rest_is_pruned(old_day, commit, hurried, caplog):
    commit("a")
    relay_to(MemoryTransport()).drain()
    with transaction.atomic():
        InboxEntry.objects.create(subscriber="x", message_id="0" * 32, day=LONG_AGO)
        with meanwhile(prune) as pruning:
            pruning.join()
    assert "A partition is busy" in caplog.text
    assert LONG_AGO in sql.partition_days("outbox_inbox")
    assert LONG_AGO not in sql.partition_days("outbox_published")
    assert prune() == 1


def test_a_prune_during_a_dump_asks_for_no_lock_names_who_dumps_and_makes_up_for_it(
    old_day, hurried, monkeypatch, caplog
):
    def refuse(table: str) -> None:
        raise AssertionError(f"asked for a lock on {table}")

    for lock in ("lock_whole", "lock_default"):
        monkeypatch.setattr(sql, lock, refuse)
    monkeypatch.setattr(partitions, "SLOW", timedelta(0))
    with ExitStack() as dumping, transaction.atomic():
        with connection.cursor() as cursor:  # as pg_dump does: a snapshot, and a lock on every table
            cursor.execute("SET LOCAL application_name = 'nightly dump'")
            cursor.execute("LOCK TABLE outbox_published, outbox_inbox IN ACCESS SHARE MODE")
        dumping.enter_context(meanwhile(prune)).join()
    assert caplog.text.count("(nightly dump)") == 2
    monkeypatch.undo()
    assert prune() == 2


def test_a_lock_that_a_prune_waits_for_holds_nobody_up(old_day, hurried, monkeypatch):
    waited: list[int] = []
    lock = sql.lock_whole

    def look(table: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(milliseconds FROM current_setting('lock_timeout')::interval)::int")
            waited.append(cursor.fetchone()[0])
        lock(table)

    monkeypatch.setattr(sql, "lock_whole", look)
    assert prune() == 2
    assert [time <= 100 for time in waited] == [True, True], waited


def test_a_look_under_the_lock_that_takes_long_lets_go(old_day, hurried, monkeypatch, caplog):
    monkeypatch.setattr(partitions, "LOOK", "20ms")
    look = sql.is_awaited

    def slow_within_the_lock(table, day):
        if connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")
        return look(table, day)

    monkeypatch.setattr(sql, "is_awaited", slow_within_the_lock)
    assert prune() == 0
    assert caplog.text.count("always in use") == 2


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


def test_two_prunes_at_once_make_and_drop_each_day_once(old_day, monkeypatch):
    monkeypatch.setattr(partitions, "PATIENCE", "20s")
    tomorrow = datetime.now(UTC).date() + timedelta(days=3)
    sql.drop_partition("outbox_inbox", tomorrow)
    with ExitStack() as prunes, transaction.atomic():
        sql.lock_whole("outbox_inbox")
        for _ in range(2):
            prunes.enter_context(meanwhile(prune))
        until(someone_waits, 10)
    assert tomorrow in sql.partition_days("outbox_inbox")
    assert LONG_AGO not in sql.partition_days("outbox_inbox")


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
