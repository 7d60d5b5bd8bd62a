"""Counts of runs by status, from one statement that reads two indexes, and table rows only of the canary's runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from ..sql.canary import NAME as CANARY

FIGURES = f"""
WITH asking AS (SELECT count(*) AS runs, min(created_at) AS oldest FROM saga_run WHERE asks_since IS NOT NULL)
SELECT coalesce(sum(runs) FILTER (WHERE status IN ('running', 'undoing')), 0) - (SELECT runs FROM asking),
       coalesce(sum(runs) FILTER (WHERE status = 'completed'), 0),
       coalesce(sum(runs) FILTER (WHERE status = 'compensated'), 0),
       coalesce(sum(runs) FILTER (WHERE status = 'stuck'), 0) + (SELECT runs FROM asking),
       coalesce(sum(runs) FILTER (WHERE status = 'resolved'), 0),
       coalesce(sum(today) FILTER (WHERE status = 'completed'), 0),
       coalesce(sum(today) FILTER (WHERE status IN ('completed', 'compensated', 'resolved')), 0),
       clock_timestamp() - least(min(oldest) FILTER (WHERE status = 'stuck'), (SELECT oldest FROM asking))
FROM (
    SELECT status, count(*) AS runs, min(created_at) AS oldest,
           count(*) FILTER (WHERE created_at > statement_timestamp() - interval '24 hours') AS today
    FROM saga_run GROUP BY status
    UNION ALL  -- without the canary's
    SELECT status, -count(*), NULL, -count(*) FILTER (WHERE created_at > statement_timestamp() - interval '24 hours')
    FROM saga_run WHERE name = '{CANARY}' GROUP BY status
) AS by_status
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of runs by status. A run that is retried and needs an operator counts as stuck.

    The `…_today` counts are of runs that started in the last 24 hours and have ended.
    """

    in_progress: int
    completed: int
    undone: int
    stuck: int
    resolved: int
    completed_today: int
    ended_today: int
    oldest_stuck: timedelta | None
    """The age of the oldest stuck run; None when none is stuck."""

    @property
    def rate(self) -> float | None:
        """The share of ended runs that completed, 0 to 1; None when none has ended."""
        return _share(self.completed, self.completed + self.undone + self.resolved)

    @property
    def rate_today(self) -> float | None:
        """The same share of the runs that started in the last 24 hours."""
        return _share(self.completed_today, self.ended_today)


def figures() -> Figures:
    """The figures as of now."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES)
        row = cursor.fetchone()
    *counts, oldest_stuck = row
    in_progress, completed, undone, stuck, resolved, completed_today, ended_today = map(int, counts)
    return Figures(in_progress, completed, undone, stuck, resolved, completed_today, ended_today, oldest_stuck)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
