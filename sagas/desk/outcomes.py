"""What became of the runs of a bulk act since, and which runs it did not help."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Concat

from .. import sql
from ..models import Act, BulkAct

REPEATED = Exists(
    Act.objects.filter(
        run=OuterRef("pk"),
        bulk__isnull=False,
        cause=Concat(OuterRef("desk_step"), Value(" "), OuterRef("desk_code"), output_field=CharField()),
    )
)
"""Whether a run has been in an earlier bulk act for the cause for which it needs a person, or last did."""
BECAME = """
SELECT CASE WHEN r.status IN ('completed', 'compensated', 'resolved') THEN r.status::text
            WHEN r.status <> 'stuck' AND r.asks_since IS NULL THEN 'moving'
            WHEN r.desk_since > act.at THEN 'again' ELSE 'still' END AS became,
       r.name, r.desk_step, r.desk_code, count(*)
FROM saga_act act JOIN saga_run r ON r.id = act.run_id
WHERE act.bulk_id = %(bulk)s
GROUP BY 1, 2, 3, 4
"""
NOT_ON_DESK = ("completed", "compensated", "resolved", "moving")


@dataclass(frozen=True, slots=True)
class StuckAgain:
    """How many runs came back onto the desk, by cause."""

    saga: str
    step: str
    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the runs that were acted on, as of now. Runs that were pruned are in no count."""

    completed: int
    undone: int
    resolved: int
    moving: int
    """In progress; nobody must act."""
    still: int
    """On the desk all the while: the act did not take them off it."""
    again: tuple[StuckAgain, ...]
    """Those that came back onto the desk after the act, by cause, the most frequent first."""

    @property
    def stuck_again(self) -> int:
        """How many came back onto the desk."""
        return sum(cause.count for cause in self.again)


def outcome_of(bulk: BulkAct) -> Outcome:
    """What became of the runs of the bulk act since it acted on each."""
    rows = sql.fetch(BECAME, {"bulk": bulk.pk})
    counts = dict.fromkeys((*NOT_ON_DESK, "still"), 0)
    again: dict[tuple[str, str, str], int] = {}
    for became, saga, step, code, count in rows:
        if became == "again":
            again[saga, step, code] = count
        else:
            counts[became] += count
    completed, undone, resolved, moving = (counts[name] for name in NOT_ON_DESK)
    causes = (StuckAgain(*cause, count) for cause, count in sorted(again.items(), key=lambda item: (-item[1], item[0])))
    return Outcome(completed, undone, resolved, moving, counts["still"], tuple(causes))
