"""One event a step, as the shop's checkout publishes them. Nobody listens: what is measured is writing and relaying."""

from __future__ import annotations

from dataclasses import dataclass

from outbox import event


@event("bench.step_recorded", version=1)
@dataclass(frozen=True)
class StepRecorded:
    """A step of a trial was recorded as done."""

    number: int
    step: str
    reference: str
