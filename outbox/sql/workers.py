"""Statements on workers and on the heads of the broker's queues. A row a worker, updated in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from django.db import connection

from . import run
from .heartbeats import FLEETING


class Sign(NamedTuple):
    """What a worker says of itself. Durations are in seconds, by the worker's clock."""

    name: str
    pid: int
    release: str
    pool: str
    """threads, prefork, solo and so on."""
    size: int
    """How many tasks it carries out at once."""
    busy: int
    queues: list[str]
    begun: int
    """How many tasks it has begun since it started."""
    quiet_for: float
    """Since it began the last of them, or started."""
    started_for: float
    loop_silent: float
    """Since its loop last turned."""
    is_connected: bool
    """Whether it has a connection to the broker."""
    is_ending: bool


class WorkerRow(NamedTuple):
    """A worker, as it last said. Durations are measured by PostgreSQL, until now."""

    name: str
    release: str
    pool: str
    size: int
    busy: int
    queues: list[str]
    begun: int
    quiet_for: timedelta
    loop_silent: timedelta
    """Since its loop last turned, as of its last sign."""
    is_connected: bool
    is_ending: bool
    started_for: timedelta
    silent_for: timedelta
    has_session: bool
    """Whether the session by which it left its last sign is still open: a frozen process keeps it, a dead one does not.
    """


class HeadRow(NamedTuple):
    """What was last seen of a queue that is not empty."""

    name: str
    head: str
    head_for: timedelta
    """Since that message was first seen at the head."""
    filled_for: timedelta
    """Since the queue was first seen not to be empty."""


def leave_sign(sign: Sign) -> None:
    """Write what the worker says of itself, in place of what was said under its name before."""
    run.execute(
        f"""
        INSERT INTO outbox_worker (name, pid, release, pool, size, busy, queues, begun, began_at, loop_silent,
                                   is_connected, is_ending, session, started_at, seen_at)
        SELECT %(name)s, %(pid)s, %(release)s, %(pool)s, %(size)s, %(busy)s, %(queues)s::text[], %(begun)s,
               clock_timestamp() - make_interval(secs => %(quiet_for)s), make_interval(secs => %(loop_silent)s),
               %(is_connected)s, %(is_ending)s, pg_backend_pid(),
               clock_timestamp() - make_interval(secs => %(started_for)s), clock_timestamp()
        WHERE {FLEETING} IS NOT NULL
        ON CONFLICT (name) DO UPDATE
        SET pid = excluded.pid, release = excluded.release, pool = excluded.pool, size = excluded.size,
            busy = excluded.busy, queues = excluded.queues, begun = excluded.begun, began_at = excluded.began_at,
            loop_silent = excluded.loop_silent, is_connected = excluded.is_connected, is_ending = excluded.is_ending,
            session = excluded.session, started_at = excluded.started_at, seen_at = excluded.seen_at
        """,
        sign._asdict() | {"alone": not connection.in_atomic_block},
    )


def forget_worker(name: str, pid: int | None = None) -> bool:
    """Delete the worker's row, with `pid` only that process's. False when there is none."""
    return bool(
        run.execute(
            "DELETE FROM outbox_worker WHERE name = %(name)s AND pid = coalesce(%(pid)s, pid)",
            {"name": name, "pid": pid},
        )
    )


def forget_lost_workers(after: timedelta, ended_after: timedelta) -> int:
    """Delete those that were silent for longer than `after`, or `ended_after` where they said that they were ending."""
    return run.execute(
        """
        DELETE FROM outbox_worker
        WHERE seen_at < clock_timestamp() - CASE WHEN is_ending THEN %s::interval ELSE %s::interval END
        """,
        [ended_after, after],
    )


def workers() -> list[WorkerRow]:
    """All workers, by name."""
    rows = run.rows(
        """
        SELECT w.name, w.release, w.pool, w.size, w.busy, w.queues, w.begun, clock_timestamp() - w.began_at,
               w.loop_silent, w.is_connected, w.is_ending, clock_timestamp() - w.started_at,
               clock_timestamp() - w.seen_at, s.pid IS NOT NULL
        FROM outbox_worker w
        LEFT JOIN (SELECT pid FROM pg_stat_activity WHERE datname = current_database()) s ON s.pid = w.session
        ORDER BY w.name
        """
    )
    return [WorkerRow(*row) for row in rows]


def see_heads(heads: Mapping[str, str], empty: Iterable[str]) -> dict[str, HeadRow]:
    """Remember the oldest message of each queue, by its id, and forget the queues that are empty.

    Returns what is known of each queue in `heads`. Nothing is written while nothing has changed.
    """
    seen = {row.name: row for row in _heads()}
    changed = sorted(name for name, head in heads.items() if name not in seen or seen[name].head != head)
    emptied = sorted(set(empty) & seen.keys())
    if changed:
        run.execute(
            """
            INSERT INTO outbox_queue_head AS q (name, head, head_since, filled_since)
            SELECT name, head, clock_timestamp(), clock_timestamp()
            FROM unnest(%s::text[], %s::text[]) AS u(name, head) ORDER BY name
            ON CONFLICT (name) DO UPDATE SET head = excluded.head, head_since = excluded.head_since
            WHERE q.head <> excluded.head
            """,
            [changed, [heads[name] for name in changed]],
        )
    if emptied:
        run.execute("DELETE FROM outbox_queue_head WHERE name = ANY(%s)", [emptied])
    return {row.name: row for row in (_heads() if changed else seen.values()) if row.name in heads}


def _heads() -> list[HeadRow]:
    rows = run.rows(
        """
        SELECT name, head, clock_timestamp() - head_since, clock_timestamp() - filled_since
        FROM outbox_queue_head ORDER BY name
        """
    )
    return [HeadRow(*row) for row in rows]
