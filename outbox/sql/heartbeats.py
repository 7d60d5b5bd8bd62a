"""Statements on heartbeats. Each duty is one row that is updated in place: no index but the primary key's."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from ..masking import masked
from . import run

FLEETING = """
set_config('synchronous_commit', CASE WHEN %(alone)s THEN 'off' ELSE current_setting('synchronous_commit') END, true)
"""
"""A crash of PostgreSQL may lose a heartbeat, because the next one follows. Only when the statement is its own
transaction.
"""


class HeartbeatRow(NamedTuple):
    """The heartbeat of one duty. Durations are measured by PostgreSQL, until now."""

    name: str
    ended_at: datetime | None
    silent_for: timedelta
    """Since the duty last finished, or since it is known."""
    seconds: float | None
    found: str
    failed_for: timedelta | None
    """Since its last failure; None when it has finished after that."""
    error: str
    process: str
    skew: float | None
    asked_for: timedelta | None
    late_at: datetime | None
    late_for: timedelta | None


def leave_heartbeat(name: str, seconds: float | None, found: str) -> timedelta | None:
    """Record that the duty has finished. Returns how late it ran when a missed run had been requested, else None."""
    rows = run.rows(
        f"""
        WITH old AS (SELECT asked_at, coalesce(ended_at, since) AS was FROM outbox_heartbeat WHERE name = %(name)s),
        late AS (SELECT clock_timestamp() - was AS span FROM old WHERE asked_at > was)
        INSERT INTO outbox_heartbeat AS h (name, since, ended_at, seconds, found, process, skew)
        SELECT %(name)s, clock_timestamp(), clock_timestamp(), %(seconds)s, %(found)s, %(process)s,
               %(now)s - extract(epoch FROM clock_timestamp())
        WHERE {FLEETING} IS NOT NULL
        ON CONFLICT (name) DO UPDATE
        SET ended_at = excluded.ended_at, seconds = excluded.seconds, found = excluded.found, failed_at = NULL,
            error = '', process = excluded.process, skew = excluded.skew, asked_at = NULL,
            late_at = CASE WHEN EXISTS (SELECT FROM late) THEN excluded.ended_at ELSE h.late_at END,
            late_for = coalesce((SELECT span FROM late), h.late_for)
        RETURNING (SELECT span FROM late)
        """,
        _by(name) | {"seconds": seconds, "found": found},
    )
    late: timedelta | None = rows[0][0]
    return late


def note_failure(name: str, error: str) -> None:
    """Record that the duty has failed; the time at which it last finished stays."""
    run.rows(
        f"""
        INSERT INTO outbox_heartbeat (name, since, failed_at, error, process, skew)
        SELECT %(name)s, clock_timestamp(), clock_timestamp(), %(error)s, %(process)s,
               %(now)s - extract(epoch FROM clock_timestamp())
        WHERE {FLEETING} IS NOT NULL
        ON CONFLICT (name) DO UPDATE
        SET failed_at = excluded.failed_at, error = excluded.error, process = excluded.process, skew = excluded.skew
        RETURNING 1
        """,
        _by(name) | {"error": masked(error)},
    )


def register_duties(names: Sequence[str]) -> None:
    """Write a row for each duty that has none; it is expected from now on."""
    run.execute(
        """
        INSERT INTO outbox_heartbeat (name, since) SELECT name, clock_timestamp() FROM unnest(%s::text[]) AS name
        ON CONFLICT (name) DO NOTHING
        """,
        [list(names)],
    )


def heartbeats_of(duties: Sequence[str]) -> list[HeartbeatRow]:
    """All heartbeats, by name, about a dozen rows. A duty without a row gets one and is expected from now on."""
    found = _all()
    if set(duties) - {row.name for row in found}:
        register_duties(duties)
        found = _all()
    return found


def _all() -> list[HeartbeatRow]:
    rows = run.rows(
        """
        SELECT name, ended_at, clock_timestamp() - coalesce(ended_at, since), seconds, found,
               clock_timestamp() - failed_at, error, process, skew, clock_timestamp() - asked_at, late_at, late_for
        FROM outbox_heartbeat ORDER BY name
        """
    )
    return [HeartbeatRow(*row) for row in rows]


def request_run(name: str, silent_for: timedelta, again_after: timedelta) -> bool:
    """Record that a missed run is requested. False when it is not missed, or was requested within `again_after`."""
    asked = run.execute(
        """
        UPDATE outbox_heartbeat SET asked_at = clock_timestamp()
        WHERE name = %s AND coalesce(ended_at, since) < clock_timestamp() - %s::interval
          AND (asked_at IS NULL OR asked_at < clock_timestamp() - %s::interval)
        """,
        [name, silent_for, again_after],
    )
    return bool(asked)


def withdraw_request(name: str) -> None:
    """Record that the request was not sent, so that another process may request the run at once."""
    run.execute("UPDATE outbox_heartbeat SET asked_at = NULL WHERE name = %s", [name])


def forget_duty(name: str) -> bool:
    """Delete the heartbeat, so that nobody expects the duty. False when there is none."""
    return bool(run.execute("DELETE FROM outbox_heartbeat WHERE name = %s", [name]))


def _by(name: str) -> dict[str, object]:
    process = f"{socket.gethostname()}:{os.getpid()}"[:100]
    return {"name": name, "process": process, "now": time.time(), "alone": not connection.in_atomic_block}
