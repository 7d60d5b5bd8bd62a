"""Statements that read the state of each destination. None counts a whole table: each read ends at a bound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..masking import masked
from . import run
from .snapshots import Heads, arrays


class ShardRow(NamedTuple):
    """One shard and its owner."""

    shard: int
    owner: str
    epoch: int
    until: datetime
    live: bool
    """Whether the lease has not ended."""
    paused: bool
    paused_at: datetime | None
    paused_by: str
    paused_reason: str


class RelayRow(NamedTuple):
    """One living relay."""

    owner: str
    destinations: list[str]
    started_at: datetime
    silent_for: timedelta
    outage: str
    outage_for: timedelta | None


def count_unpublished(destinations: Sequence[str], most: int, since: Heads | None = None) -> dict[str, int]:
    """How many messages wait for each destination, at most `most`. `since`: the first id to read in each shard."""
    if since:
        return {
            **count_unpublished([name for name in destinations if all(name != pair[0] for pair in since)], most),
            **_from(since, most),
        }
    rows = run.rows(
        """
        SELECT name, (SELECT count(*) FROM (SELECT 1 FROM outbox_message WHERE destination = name LIMIT %s) AS first)
        FROM unnest(%s::text[]) AS name
        """,
        [most, list(destinations)],
    )
    return dict(rows)


def _from(since: Heads, most: int) -> dict[str, int]:
    rows = run.rows(
        """
        SELECT destination, least(sum(number), %s)::int
        FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS since (destination, shard, id) CROSS JOIN LATERAL (
            SELECT count(*) AS number FROM (
                SELECT 1 FROM outbox_message AS m
                WHERE m.destination = since.destination AND m.shard = since.shard AND m.id >= since.id LIMIT %s
            ) AS first) AS counted
        GROUP BY destination
        """,
        [most, *arrays(since), most],
    )
    return dict(rows)


def shards_by_destination() -> dict[str, list[ShardRow]]:
    """All shards of each destination."""
    rows = run.rows(
        """
        SELECT destination, shard, owner, epoch, until, owner <> '' AND until > clock_timestamp(), paused, paused_at,
               paused_by, paused_reason
        FROM outbox_shard ORDER BY destination, shard
        """
    )
    found: dict[str, list[ShardRow]] = {}
    for destination, *rest in rows:
        found.setdefault(destination, []).append(ShardRow(*rest))
    return found


def relays(alive_for: timedelta) -> list[RelayRow]:
    """The relays seen within `alive_for`, the oldest first."""
    rows = run.rows(
        """
        SELECT owner, destinations, started_at, clock_timestamp() - seen_at, outage, clock_timestamp() - outage_since
        FROM outbox_relay WHERE seen_at > statement_timestamp() - %s ORDER BY started_at, owner
        """,
        [alive_for],
    )
    return [RelayRow(*row) for row in rows]


def count_held_keys(most: int) -> dict[str, tuple[int, int]]:
    """For each destination: how many keys are held, and how many of them until a person acts. Reads `most` rows."""
    rows = run.rows(
        """
        SELECT destination, count(*), count(*) FILTER (WHERE until IS NULL)
        FROM (SELECT destination, until FROM outbox_hold LIMIT %s) AS first GROUP BY destination
        """,
        [most],
    )
    return {destination: (count, stopped) for destination, count, stopped in rows}


def count_dead_letters(most: int) -> dict[str, int]:
    """How many dead letters each destination has. Reads `most` rows."""
    return dict(
        run.rows(
            """
            SELECT destination, count(*) FROM (SELECT destination FROM outbox_dead_letter LIMIT %s) AS first
            GROUP BY destination
            """,
            [most],
        )
    )


def count_overdue(most: int, since: datetime | None = None) -> dict[str, tuple[int, timedelta]]:
    """For each destination: how many open deliveries are overdue, and for how long the longest.

    Reads `most` rows. A delivery behind an earlier one of its key does not count: it waits for that one.
    """
    rows = run.rows(
        """
        SELECT destination, count(*), max(clock_timestamp() - due_at) FROM (
            SELECT destination, subscriber, key, position, due_at FROM outbox_delivery
            WHERE due_at <= statement_timestamp() AND due_at >= coalesce(%s, '-infinity'::timestamptz)
            ORDER BY due_at LIMIT %s
        ) AS late
        WHERE NOT EXISTS (
            SELECT FROM outbox_delivery AS before
            WHERE before.subscriber = late.subscriber AND before.key = late.key AND before.position < late.position
              AND before.destination = late.destination AND late.key <> ''
        ) GROUP BY destination
        """,
        [since, most],
    )
    return {destination: (count, age) for destination, count, age in rows}


def note_outage(owner: str, error: str) -> None:
    """Record that this relay cannot reach its broker; an empty error records that it can again."""
    text = masked(error)
    run.execute(
        """
        UPDATE outbox_relay SET outage = %s,
               outage_since = CASE WHEN %s = '' THEN NULL ELSE coalesce(outage_since, statement_timestamp()) END
        WHERE owner = %s
        """,
        [text, text, owner],
    )


def is_migrated() -> bool:
    """Whether the outbox's tables exist and are partitioned."""
    rows = run.rows("SELECT relkind FROM pg_class WHERE oid = to_regclass('outbox_published')")
    return rows == [("p",)]


def storage_options(tables: Sequence[str]) -> dict[str, list[str]]:
    """The storage options of these tables, `name=value` each."""
    rows = run.rows(
        "SELECT relname, reloptions FROM pg_class WHERE oid = ANY(%s::regclass[]) AND reloptions IS NOT NULL",
        [list(tables)],
    )
    return dict(rows)
