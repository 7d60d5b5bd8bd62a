"""Carries an order as relay and workers would, but only as far as it goes by itself: what waits, waits until woken."""

from __future__ import annotations

import time
from uuid import UUID

from django.utils import timezone

from orders.coordination.choose import progress_of
from orders.models import JourneyStep, Order
from outbox.messages import codec
from outbox.models import Delivery
from sagas.branches.child_ended import ChildEnded
from sagas.branches.waking import wake_parent
from sagas.engine.continuation import RetryIn, Stop
from sagas.engine.run_ready import RunReady
from sagas.models import Run, Step, StepStatus
from tests.orders.choreography.driver import deliver, relayed
from tests.support.sagas.driver import OVER, step_once

from .bank import LATER

MOST = 300  # messages; more than that is a loop
A_MOMENT = 0.1  # seconds


def carry(order: Order) -> Order:
    """Go on until nothing of the order is on its way, and return it as it is then."""
    for _ in range(MOST):
        sent = relayed()
        if not sent:
            order.refresh_from_db()
            return order
        for one in sent:
            if one.envelope.type == "sagas.run_ready":
                run_chain(codec.decode(RunReady, one.envelope.payload).run_id)
            if one.envelope.type == "sagas.child_ended":
                wake_parent(codec.decode(ChildEnded, one.envelope.payload).parent, None)
            for subscriber in one.to:
                deliver(one, subscriber)
    raise AssertionError(f"{order.number} never came to rest.")


def run_chain(run_id: UUID) -> None:
    """One chain of the run, until it ends or waits; a moment it waits as Celery's own retry does."""
    while Run.objects.get(pk=run_id).status not in OVER:
        verdict = step_once(run_id)
        if isinstance(verdict, RetryIn) and verdict.seconds <= A_MOMENT:
            time.sleep(verdict.seconds)
        elif isinstance(verdict, Stop | RetryIn):
            return


def until_much_later(name: str) -> None:
    """The step's next attempt is minutes away."""
    at = timezone.now() + LATER
    waiting = {"name": name, "status": StepStatus.WAITING}
    assert Step.objects.filter(**waiting).update(next_attempt_at=at) or JourneyStep.objects.filter(**waiting).update(
        next_attempt_at=at
    )
    Run.objects.update(wake_at=at)
    Delivery.objects.filter(subscriber=f"payments.{name}").update(due_at=at, held_until=at)


def step_of(order: Order, name: str) -> tuple[str, int]:
    """The step's status and how often it was tried, whichever way the order is carried."""
    progress = progress_of(order)
    assert progress is not None
    (step,) = [step for step in progress.steps if step.name == name]
    return step.status, step.attempts
