"""Statements on who keeps PostgreSQL from removing dead rows, and on where the living rows of a queue begin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from . import run

Heads = Mapping[tuple[str, int], int]
"""For each destination and shard, an id below which every message is published."""


class Holder(NamedTuple):
    """A session, prepared transaction or replication slot that holds an old snapshot."""

    kind: str
    """session, prepared transaction, or replication slot."""
    name: str
    """The pid of a session; otherwise its name."""
    application: str
    age: int
    """Transactions that have begun since."""
    seconds: float | None
    """How long it has held the snapshot; None when PostgreSQL does not show that."""


def snapshot_holders() -> list[Holder]:
    """All holders, the oldest snapshot first. Vacuum workers do not count."""
    rows = run.rows(
        """
        SELECT 'session', pid::text, coalesce(application_name, ''), greatest(age(backend_xmin), age(backend_xid)),
               extract(epoch FROM clock_timestamp() - xact_start)::float8
        FROM pg_stat_activity
        WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid()
          AND (datname = current_database() OR backend_type = 'walsender') AND backend_type <> 'autovacuum worker'
        UNION ALL
        SELECT 'prepared transaction', gid, '', age(transaction),
               extract(epoch FROM clock_timestamp() - prepared)::float8
        FROM pg_prepared_xacts WHERE database = current_database()
        UNION ALL
        SELECT 'replication slot', slot_name::text, coalesce(plugin::text, ''), age(xmin), NULL
        FROM pg_replication_slots WHERE xmin IS NOT NULL
        ORDER BY 4 DESC
        """
    )
    return [Holder(*row) for row in rows]


def first_time(table: str, column: str, where: str, since: datetime | None) -> datetime:
    """The earliest time in the column from `since` on, at most a minute ago."""
    rows = run.rows(
        f"SELECT least(min({column}), clock_timestamp() - interval '1 min') FROM {table} "
        f"WHERE {where} AND {column} >= coalesce(%s, '-infinity'::timestamptz)",
        [since],
    )
    found: datetime = rows[0][0]
    return found


def heads(since: Heads) -> tuple[dict[tuple[str, int], int | None], int]:
    """For each shard, the first id from the given one on (None when it is empty); and the last id that was assigned."""
    rows = run.rows(
        """
        SELECT s.destination, s.shard,
               (SELECT m.id FROM outbox_message AS m
                WHERE m.destination = s.destination AND m.shard = s.shard AND m.id >= coalesce(since.id, 0)
                ORDER BY m.id LIMIT 1)
        FROM outbox_shard AS s
        LEFT JOIN unnest(%s::text[], %s::int[], %s::bigint[]) AS since (destination, shard, id)
                  USING (destination, shard)
        """,
        arrays(since),
    )
    ((last,),) = run.rows("SELECT pg_sequence_last_value(pg_get_serial_sequence('outbox_message', 'id')::regclass)")
    return {(destination, shard): first for destination, shard, first in rows}, last or 0


def arrays(since: Heads) -> list[list[object]]:
    """`since` as parameters of a statement: destinations, shards, ids."""
    return [[pair[0] for pair in since], [pair[1] for pair in since], list(since.values())]
