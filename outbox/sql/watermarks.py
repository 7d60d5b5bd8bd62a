"""Statements on how far workers have read the broker's queues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from . import run

AGAIN = 5.0
"""Seconds after which another watermark follows one that has not arrived, since it may be lost; later, a quarter of
the time since the first.
"""


def passed(queues: Sequence[str]) -> list[tuple[str, datetime]]:
    """For each queue, when the last watermark that arrived was sent; queues without one are missing."""
    return run.rows(
        "SELECT name, passed_at FROM outbox_queue WHERE name = ANY(%s) AND passed_at IS NOT NULL", [list(queues)]
    )


def take_due(queues: Sequence[str]) -> list[tuple[str, datetime]]:
    """The queues that need a watermark, and the time it carries. Of several callers only one gets a queue."""
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
    """Record that the watermark that was sent then has arrived."""
    run.execute(
        "UPDATE outbox_queue SET passed_at = greatest(passed_at, %s) WHERE name = %s",
        [sent_at, queue],
    )
