"""How far an order carried by events has come, in the words that the sagas' runs and steps have, for page and API."""

from __future__ import annotations

from datetime import datetime

from sagas.models import RunStatus, StepStatus

from ..models import Journey, JourneyStep, Order

STATUS = {
    Journey.State.OPEN: RunStatus.RUNNING,
    Journey.State.ONWARD: RunStatus.RUNNING,
    Journey.State.UNDOING: RunStatus.UNDOING,
}
STILL_TO_UNDO = (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.DONE, StepStatus.IN_DOUBT)


def journey_of(order: Order) -> Journey | None:
    """The order's journey with its steps; None when a saga carries it."""
    return Journey.objects.filter(pk=order.pk).prefetch_related("steps").first()


def status_of(journey: Journey, order: Order) -> RunStatus:
    """What a run that stands so would be."""
    if journey.state == Journey.State.ENDED:
        return RunStatus.COMPLETED if order.status == Order.Status.CONFIRMED else RunStatus.COMPENSATED
    asks = order.status == Order.Status.NEEDS_ATTENTION  # and may be tried still
    return RunStatus.STUCK if asks or journey.due_at is None else STATUS[Journey.State(journey.state)]


def steps_of(journey: Journey) -> list[JourneyStep]:
    """Its steps; once it has turned, one that may have happened is to be undone, and one that did not is not begun."""
    steps = list(journey.steps.all())
    if journey.state in (Journey.State.UNDOING, Journey.State.ENDED) and journey.code:
        for step in steps:
            if step.status in STILL_TO_UNDO:
                step.status = StepStatus.UNDO_DUE if step.may_have_happened else StepStatus.PENDING
    return steps


def waits_until(journey: Journey) -> datetime | None:
    """When waiting for a participant ends; None when only its answer ends it."""
    return journey.deadline_at if journey.state == Journey.State.OPEN else None


def can_cancel(journey: Journey, order: Order) -> bool:
    """Whether the customer may still cancel."""
    return journey.state == Journey.State.OPEN and order.status == Order.Status.PROCESSING
