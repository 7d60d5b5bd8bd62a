"""How far an order has come, whichever way it is carried: what its page and the API show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sagas.models import Run, RunStatus, Step, StepStatus
from sagas.presentation import queue
from sagas.presentation.branch_steps import steps_of

from ..models import JourneyStep

PIVOT = "capture_payment"
PAYING = ("authorize_payment", PIVOT)


@dataclass(frozen=True, slots=True)
class Progress:
    """An order on its way, in the words of the engine's runs and steps."""

    status: str
    """A value of `RunStatus`."""
    steps: Sequence[Step | JourneyStep]
    can_cancel: bool
    position: int | None
    """Of the step at which it stands."""
    paused: bool
    waits_for: str
    """The participant that is away."""
    waits_until: datetime | None
    """When waiting for it ends, because the order is undone then."""
    queued_since: datetime | None = None
    """Since when it has waited for a worker to take it up; None once one has, and for an order that events carry."""

    @property
    def capture(self) -> str:
        """The status of the step that takes the money; pending, too, while the bank was surely never reached for it."""
        step = next((step for step in self.steps if step.name == PIVOT), None)
        return StepStatus.PENDING.value if step is None or _is_unasked(step) else step.status


def of_run(run: Run) -> Progress:
    """The run's input may be anything; a step named as PIVOT takes the money."""
    steps, position = steps_of(run)
    held = next((one.run for one in steps if one.run_id != run.pk and one.run.waits_for), None)
    uncharged = any(step.name == PIVOT and _is_unasked(step) for step in steps)
    return Progress(
        status=run.reported_status,
        steps=steps,
        can_cancel=run.status == RunStatus.RUNNING and run.cancel_requested_at is None and uncharged,
        position=position,
        paused=run.paused_at is not None,
        waits_for=held.waits_for if held else run.waits_for,
        waits_until=run.deadline_at if held else run.wake_at,
        queued_since=queue.waits_since(run),
    )


def _is_unasked(step: Step | JourneyStep) -> bool:
    """Whether nobody can have acted on it: it was never tried, or each attempt was surely not applied."""
    return step.status in (StepStatus.PENDING, StepStatus.WAITING) and step.attempts <= step.forgiven
