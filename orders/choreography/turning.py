"""How an order turns, what is undone then, and when it is cancelled. Each function is one guarded change, as in
`journeys.py`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from outbox.masking import masked
from outbox.messages import codec
from sagas import Refused, Step
from sagas.models import StepStatus

from .. import story
from ..lifecycle import status
from ..locks import lock_order
from ..models import Journey, JourneyStep, Order
from ..sagas import Checkout, checkout
from .events import CancelRequested, Fact, Refusal
from .journeys import OVER, Begun, State, end, expect, locked, tell, to_the_desk

UNDOABLE = [step.name for step in checkout.steps if step.has_undo]


def refuse(step: Step[Checkout, Any], to: StepStatus, event: Refusal, error: Exception) -> None:
    """The step did not happen, or nobody knows: the order turns, in the caller's transaction.

    Nothing when it has turned already, nor when another copy of the message has done the step: the order went on.
    A refused capture turns it too: the card was surely not charged.
    """
    journey = locked(event.order_id, State.ONWARD if step.is_pivot else State.OPEN)
    code = error.code if isinstance(error, Refused) else ""
    if journey is None or not journey.steps.filter(name=step.name).exclude(status__in=OVER).update(
        status=to, error=masked(str(error)), error_code=code, next_attempt_at=None
    ):
        return
    turn(journey, event)


def cancel(order_id: UUID) -> bool:
    """The customer wants the order no more. False when it is too late: the capture was asked for, or a person decides.

    Of a cancel and the capture exactly one wins: both lock the journey, and the second one finds its state changed.
    """
    with transaction.atomic():
        journey = Journey.objects.select_for_update().get(pk=order_id)
        order = lock_order(order_id)
        if order.status in {Order.Status.CANCELLING, Order.Status.CANCELLED}:
            return True
        if journey.state != State.OPEN or order.status != Order.Status.PROCESSING:
            return False
        turn(journey, CancelRequested(order_id, "cancelled", "The customer cancelled the order."))
        return True


def cancel_by_hand(order_id: UUID, reason: str) -> bool:
    """An operator has the order undone, also one that needs a person. False when the capture was asked for."""
    return withdraw(order_id, "compensated_by_hand", reason)


def withdraw(order_id: UUID, code: str, reason: str) -> bool:
    """Nothing may come of the order any more; `code` says why. False when it turned before, or when it is too late."""
    with transaction.atomic():
        journey = locked(order_id, State.OPEN)
        if journey is not None:
            turn(journey, CancelRequested(order_id, code, reason))
        return journey is not None


def close_by_hand(order_id: UUID) -> bool:
    """An operator has settled outside what nothing carries on any more: the order counts as undone from now on.

    That is one that events carry and that needs a person, or one that is confirmed, whichever way it was carried. False
    for any other: a saga's run is resolved on its own desk; and for one of which something is being returned, lest its
    money be given back twice.
    """
    with transaction.atomic():
        journey = Journey.objects.select_for_update().filter(pk=order_id).first()
        order = lock_order(order_id)
        parked = journey is not None and order.status == Order.Status.NEEDS_ATTENTION
        if not (parked or order.status == Order.Status.CONFIRMED) or _is_being_returned(order):
            return False
        if journey is not None:
            end(order_id)
        status.mark_cancelled(order_id, "compensated_by_hand", by_hand=True)
        return True


def _is_being_returned(order: Order) -> bool:
    return order.returns.exclude(status__in=("done", "declined")).exists()


def turn(journey: Journey, event: Refusal) -> None:
    """The order goes back: whoever did something for it hears the event and undoes it. The journey is locked."""
    journey.state, journey.code, journey.reason = State.UNDOING, event.code, event.reason
    status.mark_cancelling(journey.order_id, event.code)
    story.tell("order.turned", key=f"order:{journey.order_id}", code=event.code)
    tell(journey, event)


def begin_undo(order_id: UUID, step: Step[Checkout, Any]) -> Begun | None:
    """Note, in a commit of its own, that the step is about to be undone; None when there is nothing to undo."""
    with transaction.atomic():
        journey = locked(order_id, State.UNDOING)
        row = journey.steps.get(name=step.name) if journey else None
        if journey is None or row is None or not row.may_have_happened:
            return None
        row.status, row.next_attempt_at, row.waits_since = StepStatus.UNDOING, None, None
        row.undo_attempts += 1
        row.save()
        expect(journey, step.timeout)
        return Begun(codec.decode(Checkout, journey.input), row.undo_attempts, row.asked, row.result)


def put_undo_off(order_id: UUID, step: Step[Checkout, Any], delay: timedelta, *, away: bool) -> None:
    """The undo comes again after `delay`."""
    with transaction.atomic():
        journey = locked(order_id, State.UNDOING)
        row = journey.steps.get(name=step.name) if journey else None
        if journey is None or row is None or not row.may_have_happened:
            return
        row.status, row.next_attempt_at = StepStatus.UNDO_WAITING, Now() + delay
        row.waits_since = Now() if away else None
        row.save()
        expect(journey, delay, waits_for=step.participant if away else "")


def record_undone(order_id: UUID, step: Step[Checkout, Any], then: Fact) -> None:
    """The step is undone, and the event that reports it, in the caller's transaction; nothing when it was before.

    An order another undo of which has failed stays on the desk.
    """
    journey = locked(order_id, State.UNDOING)
    row = journey.steps.get(name=step.name) if journey else None
    if journey is None or row is None or not row.may_have_happened:
        return
    row.status, row.next_attempt_at, row.error = StepStatus.UNDONE, None, ""
    row.save()
    failed = journey.steps.filter(status=StepStatus.UNDO_FAILED).exists()
    if not failed and lock_order(order_id).status == Order.Status.NEEDS_ATTENTION:
        status.mark_cancelling(order_id, journey.code)
    tell(journey, then, leads=False)


def close_if_undone(order_id: UUID) -> None:
    """The order is cancelled once all who did something for it have undone it; in the caller's transaction."""
    journey = locked(order_id, State.UNDOING)
    if journey is None or any(row.may_have_happened for row in undoable(journey)):
        return
    end(order_id)
    status.mark_cancelled(order_id, journey.code)


def park_unclosed(order_id: UUID, why: str) -> bool:
    """A person looks at an order that is undone and cannot be closed; False while others still undo, who close it."""
    journey = locked(order_id, State.UNDOING)
    if journey is None or any(row.may_have_happened for row in undoable(journey)):
        return False
    to_the_desk(journey, why)
    return True


def undoable(journey: Journey) -> list[JourneyStep]:
    """The steps that have an undo."""
    return list(journey.steps.filter(name__in=UNDOABLE))
