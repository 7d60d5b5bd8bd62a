"""How often the attempts of each step fail now, beside the week before, from the tally."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .. import sql
from ..sql import tally
from .history import FAILURES

LATELY = timedelta(minutes=15)
LEAST = 20
"""Of a step with fewer attempts lately nothing is said: one failure of three is no rate."""


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Shares from 0 to 1. `away` is no failure here: an outage has its breaker."""

    title: str
    """The step or undo, such as `checkout.capture_payment` or `checkout.reserve_stock.undo`."""
    failed: int
    ended: int
    """Attempts within LATELY."""
    usual: float
    """The share in the week before; 0 for a step that is new."""

    @property
    def share(self) -> float:
        return self.failed / self.ended


def failure_rates() -> list[FailureRate]:
    """The rates of all steps and undos of which at least LEAST attempts have ended lately."""
    rows = sql.fetch(tally.FAILED, {"failures": [str(one) for one in FAILURES], "lately": LATELY, "least": LEAST})
    return [
        FailureRate(
            f"{saga}.{name}{'.undo' if kind == 'undo' else ''}", failed, ended, usual_failed / usual if usual else 0.0
        )
        for saga, name, kind, failed, ended, usual_failed, usual in rows
    ]
