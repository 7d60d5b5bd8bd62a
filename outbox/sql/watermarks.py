"""Statements on how far workers have read the broker's queues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from . import run

AGAIN = 5.0
"""Seconds after which a watermark that has not come through is followed by another, since it may be lost; later, a
quarter of the time since the first."""


def passed(queues: Sequence[str]) -> list[tuple[str, datetime]]:
    """When the last watermark was sent that came through, for each of the queues that ever had one."""
    return run.rows(
        "SELECT name, passed_at FROM outbox_queue WHERE name = ANY(%s) AND passed_at IS NOT NULL", [list(queues)]
    )


def take_due(queues: Sequence[str]) -> list[tuple[str, datetime]]:
    """Into which of the queues to send a watermark, and the time that it carries; of many who ask, one is told so."""
    return run.rows(
        """
        INSERT INTO outbox_queue AS q (name, sent_at, waits_since)
        SELECT name, statement_timestamp(), statement_timestamp() FROM unnest(%(queues)s::text[]) AS name ORDER BY name
        ON CONFLICT (name) DO UPDATE
        SET sent_at = statement_timestamp(),
            waits_since = CASE WHEN q.passed_at >= q.sent_at THEN statement_timestamp() ELSE q.waits_since END
        WHERE q.passed_at >= q.sent_at
           OR q.sent_at < statement_timestamp()
                          - greatest(make_interval(secs => %(again)s), (statement_timestamp() - q.waits_since) / 4)
        RETURNING q.name, q.sent_at
        """,
        {"queues": list(queues), "again": AGAIN},
    )


def note_passed(queue: str, sent_at: datetime) -> None:
    """The watermark that was sent then came through."""
    run.execute(
        "UPDATE outbox_queue SET passed_at = greatest(passed_at, %s) WHERE name = %s",
        [sent_at, queue],
    )
