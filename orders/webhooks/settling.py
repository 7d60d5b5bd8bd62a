"""What a report settles: an order that waits on its payment looks now, and one in doubt about the charge asks again.

Only what the processor says now counts, `state`: a late or doubled report of an earlier one changes nothing. Nothing is
concluded here either. The step asks again under its own key, and finds out by itself.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from orders.choreography import forward
from orders.confirming import wake
from orders.models import Order
from orders.sagas import authorize_payment, capture_payment
from outbox.models import DeadLetter
from outbox.operations import audit
from outbox.operations.requeue import requeue
from sagas import WrongState, desk
from sagas.declare.saga import Step as DeclaredStep
from sagas.models import Run, RunStatus, StepStatus

logger = logging.getLogger(__name__)
PROCESSOR = "the card processor"
STILL_ASKING = "requires_action"
DECIDED = frozenset({"succeeded", "canceled"})
"""States of a payment that end the doubt about its charge."""


def settle(order: Order, state: str, why: str) -> None:
    """Have the order find out what the payment's `state` means for it; in the caller's transaction."""
    if state != STILL_ASKING:
        wake(order, authorize_payment)
    if state in DECIDED and not wake(order, capture_payment):
        _from_the_desk(order, f"It reported {why}: the payment is {state}.")


def _from_the_desk(order: Order, reason: str) -> None:
    if order.coordination == Order.Coordination.CHOREOGRAPHY:
        _requeue(order.pk, reason)
    else:
        retry_in_doubt(capture_payment, order.saga_key, reason)


def retry_in_doubt(declared: DeclaredStep[Any, Any], key: str, reason: str) -> None:
    """Try the capture of that key's run once more that is on a person's desk because nobody knows whether it
    happened."""
    run = Run.objects.filter(name=declared.saga.name, key=key, status=RunStatus.STUCK).first()
    step = run.steps.filter(position=run.position).first() if run else None
    if run is None or step is None or step.name != declared.name or step.status != StepStatus.IN_DOUBT:
        return
    try:
        desk.retry_now(run.pk, actor=desk.Person(PROCESSOR), reason=reason, row_version=run.row_version)
    except (WrongState, desk.SecondPersonNeeded) as error:  # an operator was quicker, or two are to decide
        logger.info("webhooks.not_retried", extra={"run": str(run.pk), "why": str(error)})


def _requeue(order_id: UUID, reason: str) -> None:
    """The same for an order that events carry: its dead letter is delivered again."""
    letters = DeadLetter.objects.filter(key=f"order:{order_id}", subscriber=forward.name_of(capture_payment))
    for dead in letters:
        audit.record(PROCESSOR, dead, reason)
        requeue(dead.pk)
