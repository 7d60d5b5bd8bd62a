"""While somebody holds an old snapshot, what is dead is not read again at each look; and who holds it is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from outbox import sql
from outbox.models import OutboxMessage
from outbox.monitoring import destination_status, health, held_snapshots
from outbox.publishing.destinations import SHARDS
from outbox.relay import lookback
from outbox.sql import Holder
from tests.support.buffers import read_by, reading

pytestmark = pytest.mark.django_db(transaction=True)
DEAD = 4_000
CHURN = f"""
INSERT INTO outbox_message (destination, shard, message_id, type, version, key, payload, headers, created_at, attempts,
                            due_at, last_error)
SELECT 'tasks', n % 4, gen_random_uuid(), 't', 1, '', '{{}}', '{{}}', now(), 0, now(), ''
FROM generate_series(1, {DEAD}) AS n;
DELETE FROM outbox_message;
INSERT INTO outbox_delivery (message_id, subscriber, destination, day, key, position, attempts, due_at, last_error,
                             created_at)
SELECT gen_random_uuid(), 's', 'tasks', current_date, '', n, 0, now() - interval '5 min' + random() * interval '1 s',
       '', now()
FROM generate_series(1, {DEAD}) AS n;
DELETE FROM outbox_delivery
"""


@pytest.fixture
def reader() -> Iterator[Any]:
    """Another session, which has read something and goes on wanting to see it as it was."""
    other: Any = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SET application_name = 'forgotten report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        yield cursor
    other.close()


@pytest.fixture(autouse=True)
def begun_anew() -> Iterator[None]:
    for one in (lookback.messages, lookback.deliveries):
        one.forget()
    yield
    for one in (lookback.messages, lookback.deliveries):
        one.forget()
    connection.close()  # with what it was told of plans


@pytest.fixture
def held(reader, monkeypatch) -> None:
    """It is old enough to count, and each look finds all that was written before it committed."""
    monkeypatch.setattr(lookback, "HELD", 1)
    monkeypatch.setattr(lookback, "BACK", 0.0)


@pytest.fixture
def owner() -> str:
    """A relay that holds all shards."""
    sql.make_shards("tasks", SHARDS)
    sql.take_shards("tasks", "relay", SHARDS, timedelta(hours=1), timedelta(0))
    return "relay"


def look(owner: str) -> list[str]:
    """As a relay and a health check do; the keys that are due."""
    due = sql.fetch("tasks", owner, 10, 10, since=lookback.first_ids("tasks"))
    sql.take_overdue("tasks", 10, timedelta(seconds=30), since=lookback.deliveries.since())
    destination_status.read_statuses()
    return [one.envelope.key for one in due]


def test_what_is_read_does_not_grow_with_what_is_dead(owner, reader, commit, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute(CHURN)
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")  # as for a table of any size
    commit("b")
    with reading() as all_of_it:
        assert look(owner) == ["item:b"]
    monkeypatch.setattr(lookback, "HELD", 1)
    monkeypatch.setattr(lookback, "BACK", 0.0)
    for one in (lookback.messages, lookback.deliveries):
        one.forget()
        one.since()
    with reading() as bounded:
        assert look(owner) == ["item:b"]
    assert [one.oldest is not None for one in destination_status.read_statuses() if one.name == "tasks"] == [True]
    assert [one.depth for one in destination_status.read_statuses() if one.name == "tasks"] == [1]
    read, then = bounded.buffers(), all_of_it.buffers()
    assert read * 4 < then, [(" ".join(text.split())[:60], read_by(text, given)) for text, given in bounded.statements]


def test_a_message_that_is_committed_late_is_found_when_everything_is_looked_at(owner, held, commit):
    commit("b")
    assert look(owner) == ["item:b"]
    OutboxMessage.objects.update(id=0)  # as if its transaction had drawn its place long ago
    commit("c")
    lookback.messages._check_at = 0.0
    lookback.messages.since()
    assert look(owner) == ["item:c"]
    lookback.messages._check_at = lookback.messages._all_at = 0.0
    assert look(owner) == ["item:b", "item:c"]


def test_as_long_as_nobody_holds_an_old_snapshot_everything_is_read(owner, reader, commit):
    commit("b")
    assert lookback.held_for() < lookback.HELD
    assert (lookback.messages.since(), lookback.deliveries.since()) == (None, None)
    assert look(owner) == ["item:b"]


def test_ids_that_begin_anew_are_not_taken_for_late_ones():
    first = lookback.FirstIds()
    first._marks.append((0.0, 10**9))
    assert set(first(None).values()) <= {0}


def test_a_session_that_holds_a_snapshot_is_named_with_what_to_do(reader, settings, monkeypatch):
    assert held_snapshots.alarms() == []
    monkeypatch.setattr(held_snapshots, "LIMIT", timedelta(0))
    [alarm] = held_snapshots.alarms()
    reader.execute("SELECT pg_backend_pid()")
    assert f"The session {reader.fetchone()[0]} (forgotten report) has held a snapshot for" in alarm
    assert any("(forgotten report)" in alarm for alarm in health.status().alarms)
    settings.OUTBOX_HEALTHY = {"outbox.snapshot": None}
    assert held_snapshots.alarms() == []


def test_a_prepared_transaction_and_a_slot_are_named_too(reader, monkeypatch):
    monkeypatch.setattr(held_snapshots, "LIMIT", timedelta(0))
    reader.execute("COMMIT; BEGIN; UPDATE outbox_shard SET epoch = epoch; CREATE TABLE left_over ()")
    reader.execute("PREPARE TRANSACTION 'left over'")
    try:
        [alarm] = held_snapshots.alarms()
    finally:
        reader.execute("ROLLBACK PREPARED 'left over'")
    assert alarm.startswith("The prepared transaction left over has held a snapshot for")
    slot = Holder("replication slot", "replica", "", held_snapshots.MANY + 1, None)
    monkeypatch.setattr(sql, "snapshot_holders", lambda: [slot])
    assert "The replication slot replica has held a snapshot, over 1000001 transactions" in held_snapshots.alarms()[0]
