"""The figures of all runs. What is open, and what needs a person, is counted from indexes; of runs that have ended,
those of the last 24 hours alone are read, at any size of the table. The canary's count only while they are stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .. import sql
from ..sql.canary import NAME as CANARY

FAILED = ["in_doubt", "deadline", "compensated_by_hand", "hook_failed", "unreadable"]
"""The engine's own codes of runs that were undone: nobody refused anything. Any other code is a refusal's."""
FIGURES = """
WITH desk AS (
    SELECT count(*) AS runs, min(desk_since) AS oldest FROM saga_run WHERE status = 'stuck' OR asks_since IS NOT NULL
), ended AS (
    SELECT status, cancel_requested_at IS NOT NULL AS cancelled, code = ANY(%(failed)s) AS failed, count(*) AS runs
    FROM saga_run
    WHERE status IN ('completed', 'compensated', 'resolved')
      AND created_at > statement_timestamp() - interval '24 hours' AND name <> %(canary)s AND NOT is_branch
    GROUP BY 1, 2, 3
)
SELECT desk.runs, clock_timestamp() - desk.oldest,
       (SELECT count(*) FROM saga_run
        WHERE status IN ('running', 'undoing') AND asks_since IS NULL AND name <> %(canary)s AND NOT is_branch),
       coalesce((SELECT sum(runs) FROM ended WHERE status = 'completed'), 0),
       coalesce((SELECT sum(runs) FROM ended WHERE status = 'compensated' AND NOT cancelled AND NOT failed), 0),
       coalesce((SELECT sum(runs) FROM ended WHERE status = 'compensated' AND cancelled), 0),
       coalesce((SELECT sum(runs) FROM ended WHERE status = 'compensated' AND NOT cancelled AND failed), 0),
       coalesce((SELECT sum(runs) FROM ended WHERE status = 'resolved'), 0)
FROM desk
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of runs. One that is retried and needs an operator counts as stuck, and not as in progress.

    The counts of runs that ended are of those that started in the last 24 hours. A run that was undone was refused by
    the business, cancelled, or it failed: its attempts or its time were spent, or an operator had it undone.
    """

    stuck: int
    oldest_stuck: timedelta | None
    """For how long the oldest of them asks; None when none is stuck."""
    in_progress: int
    completed: int
    refused: int
    cancelled: int
    failed: int
    resolved: int
    """Closed by hand."""

    @property
    def rate(self) -> float | None:
        """The share of the runs that completed, 0 to 1, of those that ended and were neither refused nor cancelled;
        None when there is none."""
        whole = self.completed + self.failed + self.resolved
        return self.completed / whole if whole else None


def figures() -> Figures:
    """The figures as of now."""
    given: dict[str, Any] = {"failed": FAILED, "canary": CANARY}
    ((stuck, oldest, *counts),) = sql.fetch(FIGURES, given)
    return Figures(int(stuck), oldest, *map(int, counts))
