"""Events alone carry the order: each company reacts to what it hears."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outbox.models import DeadLetter
from outbox.operations import audit
from outbox.operations.requeue import requeue
from sagas import Step
from sagas.models import StepStatus

from ..choreography import forward, journeys, progress, turning, waking
from ..models import Journey, JourneyStep, Order
from ..sagas import Checkout, capture_payment
from .progress import Progress

WAITING = (StepStatus.WAITING, StepStatus.UNDO_WAITING)


@dataclass(frozen=True, slots=True)
class ByEvents:
    """The order's journey. For what each method does see `Coordinator`."""

    order: Order
    has_run = False

    def start(self, wish: Checkout) -> None:
        journeys.open_journey(wish)

    def lock(self) -> None:
        Journey.objects.select_for_update().filter(pk=self.order.pk).first()

    def cancel(self) -> bool:
        return turning.cancel(self.order.pk)

    def withdraw(self, code: str, reason: str, *, actor: str) -> bool:
        """Journeys keep no actor: the reason names who it was."""
        return turning.withdraw(self.order.pk, code, reason)

    def wake(self, step: Step[Checkout, Any]) -> bool:
        return waking.wake(self.order.pk, step)

    def ask_again(self, step: Step[Checkout, Any], *, actor: str, reason: str) -> None:
        """Its dead letter is delivered again."""
        for dead in DeadLetter.objects.filter(key=self.order.saga_key, subscriber=forward.name_of(step)):
            audit.record(actor, dead, reason)
            requeue(dead.pk)

    def charge_begun_at(self) -> datetime | None:
        steps = JourneyStep.objects.filter(journey=self.order.pk, name=capture_payment.name, begun_at__isnull=False)
        return steps.values_list("begun_at", flat=True).first()

    def progress(self) -> Progress | None:
        journey = progress.journey_of(self.order)
        return None if journey is None else _of_journey(journey, self.order)


def _of_journey(journey: Journey, order: Order) -> Progress:
    steps = progress.steps_of(journey)
    return Progress(
        status=progress.status_of(journey, order),
        steps=steps,
        can_cancel=progress.can_cancel(journey, order),
        position=next((step.position for step in steps if step.status in WAITING), None),
        paused=False,
        waits_for=journey.waits_for,
        waits_until=progress.waits_until(journey),
    )
