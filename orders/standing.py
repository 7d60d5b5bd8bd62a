"""How far an order has come, whichever way it is carried: what its page and the API show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sagas.models import Run, RunStatus, Step, StepStatus

from .choreography import progress
from .choreography.models import Journey, JourneyStep
from .models import Order

PIVOT = "capture_payment"
PAYING = ("authorize_payment", PIVOT)
WAITING = (StepStatus.WAITING, StepStatus.UNDO_WAITING)


@dataclass(frozen=True, slots=True)
class Standing:
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

    @property
    def capture(self) -> str:
        """The status of the step that takes the money; pending, too, while the bank was surely never reached for it."""
        step = next((step for step in self.steps if step.name == PIVOT), None)
        return StepStatus.PENDING.value if step is None or _is_unasked(step) else step.status


def standing_of(order: Order) -> Standing | None:
    """The order as it stands; None for an order that nobody carries."""
    if order.coordination == Order.Coordination.CHOREOGRAPHY:
        journey = progress.journey_of(order)
        return None if journey is None else _of_journey(journey, order)
    run = Run.objects.filter(name="checkout", key=order.saga_key).prefetch_related("steps").first()
    return None if run is None else of_run(run)


def capture_of(order: Order) -> str:
    """The status of the order's step that takes the money."""
    standing = standing_of(order)
    return standing.capture if standing else StepStatus.PENDING.value


def of_run(run: Run) -> Standing:
    """The run's input may be anything; a step named as PIVOT takes the money."""
    steps = list(run.steps.all())
    uncharged = any(step.name == PIVOT and _is_unasked(step) for step in steps)
    return Standing(
        status=run.reported_status,
        steps=steps,
        can_cancel=run.status == RunStatus.RUNNING and run.cancel_requested_at is None and uncharged,
        position=run.position,
        paused=run.paused_at is not None,
        waits_for=run.waits_for,
        waits_until=run.wake_at,
    )


def _is_unasked(step: Step | JourneyStep) -> bool:
    """Whether nobody can have acted on it: it was never tried, or each attempt was surely not applied."""
    return step.status in (StepStatus.PENDING, StepStatus.WAITING) and step.attempts <= step.forgiven


def _of_journey(journey: Journey, order: Order) -> Standing:
    steps = progress.steps_of(journey)
    return Standing(
        status=progress.status_of(journey, order),
        steps=steps,
        can_cancel=progress.can_cancel(journey, order),
        position=next((step.position for step in steps if step.status in WAITING), None),
        paused=False,
        waits_for=journey.waits_for,
        waits_until=progress.waits_until(journey),
    )
