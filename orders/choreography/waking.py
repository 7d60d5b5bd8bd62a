"""Waking an order that waits for somebody outside: what it waits for has happened, as far as the caller knows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from outbox.consuming.expedite import make_due_now
from sagas import Step
from sagas.models import StepStatus

from ..sagas import Checkout
from .forward import name_of
from .journeys import locked, may_run

WAITING = (StepStatus.WAITING, StepStatus.RUNNING)


def wake(order_id: UUID, step: Step[Checkout, Any]) -> bool:
    """Have the step looked at now, as `Saga.wake` does for a run; whether it waited for that.

    A delivery that is being handled is begun once more: the step has one key, and the inbox makes that once. One that
    waits for a participant that is away is left alone.
    """
    with transaction.atomic():
        journey = locked(order_id, *may_run(step))
        if journey is None or journey.waits_for or not journey.steps.filter(name=step.name, status__in=WAITING):
            return False
        return bool(make_due_now([name_of(step)], [f"order:{order_id}"]))
