"""How a journey moves: each function is one guarded change under the journey's lock, and no change when it comes late.

Lock order: the journey, then the order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least, Now

from outbox import publish, registry
from outbox.masking import masked
from outbox.messages import codec
from sagas import Refused, Step
from sagas.models import StepStatus

from .. import story
from ..lifecycle import status
from ..locks import lock_order
from ..models import Journey, JourneyStep, Order
from ..sagas import Checkout, checkout
from .events import CheckoutOpened, Fact

State = Journey.State
OVER = (StepStatus.DONE, StepStatus.REFUSED, StepStatus.UNDONE)
"""Statuses in which a step is not asked for any more."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A step, or its undo, that is being asked for."""

    order: Checkout
    attempt: int
    asked: int
    """How many attempts may have been applied, this one included."""
    result: str | None
    """What the step returned, as JSON; for its undo."""


def open_journey(order: Checkout) -> None:
    """Start, in the transaction that accepts the order: every step is to do, and the first company hears of it."""
    assert checkout.deadline is not None  # noqa: S101 - the saga of this very file declares one
    journey = Journey.objects.create(
        order_id=order.order_id, input=codec.encode(order), deadline_at=Now() + checkout.deadline
    )
    steps = [JourneyStep(journey=journey, position=step.position, name=step.name) for step in checkout.steps]
    JourneyStep.objects.bulk_create(steps)
    tell(journey, CheckoutOpened(order.order_id))


def begin(order_id: UUID, step: Step[Checkout, Any]) -> Begun | None:
    """Note, in a commit of its own, that the participant is about to be asked; None when it need not be any more.

    From the capture's beginning on the order cannot turn: of it and a cancel, whichever locks the journey first wins.
    """
    with transaction.atomic():
        journey = locked(order_id, *may_run(step))
        row = journey.steps.filter(name=step.name).exclude(status__in=OVER).first() if journey else None
        if journey is None or row is None:
            return None
        row.status, row.next_attempt_at, row.waits_since = StepStatus.RUNNING, None, None
        if not row.asked:
            row.begun_at = Now()
        row.attempts += 1
        row.save()
        if step.is_pivot:
            journey.state = State.ONWARD
        expect(journey, step.timeout)
        return Begun(codec.decode(Checkout, journey.input), row.attempts, row.asked, row.result)


def asked(order_id: UUID, step: Step[Checkout, Any]) -> Begun | None:
    """The step's last asking, which is noted and of which nobody knows the end; None when there is no such thing."""
    journey = Journey.objects.filter(pk=order_id, state__in=may_run(step)).first()
    row = journey.steps.filter(name=step.name).exclude(status__in=OVER).first() if journey else None
    if journey is None or row is None or not row.asked:
        return None
    return Begun(codec.decode(Checkout, journey.input), row.attempts, row.asked, row.result)


def put_off(
    order_id: UUID,
    step: Step[Checkout, Any],
    delay: timedelta,
    *,
    away: bool,
    forgiven: bool,
    told: Callable[[], None] | None = None,
) -> None:
    """The step comes again after `delay`. `away`: its participant is; `forgiven`: this attempt was surely not applied.

    A capture that was surely never applied lets the order turn again. `told` is called in the same transaction.
    """
    with transaction.atomic():
        journey = locked(order_id, *may_run(step))
        row = journey.steps.filter(name=step.name).exclude(status__in=OVER).first() if journey else None
        if journey is None or row is None:
            return
        row.status, row.next_attempt_at, row.waits_since = StepStatus.WAITING, Now() + delay, Now() if away else None
        row.forgiven += int(forgiven)
        row.save()
        if step.is_pivot and not row.asked:
            journey.state = State.OPEN
        expect(journey, delay, waits_for=step.participant if away else "")
        if told is not None:
            told()


def record(order_id: UUID, step: Step[Checkout, Any], result: object, then: Fact) -> bool:
    """The step is done: its result and the event that tells of it, in the caller's transaction.

    False, and nothing, when the order has turned meanwhile: whoever undoes the step does so by its key.
    """
    journey = locked(order_id, *may_run(step))
    if journey is None or not journey.steps.filter(name=step.name).exclude(status__in=OVER).update(
        status=StepStatus.DONE, result=codec.storable(result), next_attempt_at=None, error="", error_code=""
    ):
        return False
    off_the_desk(order_id)
    tell(journey, then)
    return True


def finish(order_id: UUID, last: Step[Checkout, Any]) -> None:
    """The last step is done, and with it the order; in the caller's transaction."""
    JourneyStep.objects.filter(journey=order_id, name=last.name).update(
        status=StepStatus.DONE, next_attempt_at=None, error="", error_code=""
    )
    end(order_id)


def end(order_id: UUID) -> None:
    """Nothing more will happen to the order; in the transaction that writes its last status."""
    Journey.objects.filter(pk=order_id).update(state=State.ENDED, due_at=None, waits_for="")


def park(order_id: UUID, step: str, to: StepStatus, error: Exception, why: str) -> bool:
    """Only a person can go on with this step; `why` tells them what happened. In the caller's transaction.

    False, and nothing, when another copy of the message has done, or undone, the step, and when the order has ended.
    """
    journey = locked(order_id, State.OPEN, State.ONWARD, State.UNDOING)
    row = journey.steps.get(name=step) if journey else None
    if journey is None or row is None or _is_settled(row, to):
        return False
    row.status, row.next_attempt_at = to, None
    row.error, row.error_code = masked(str(error)), _code_of(error)
    row.save()
    to_the_desk(journey, f"{masked(why)} {checkout.advised.get(row.error_code, '')}".strip())
    return True


def to_the_desk(journey: Journey, why: str) -> None:
    """The order needs a person; nobody looks after it until somebody has set it going again.

    One that is not charged yet turns at its deadline all the same: the customer's money is not held for ever.
    """
    journey.due_at = journey.deadline_at if journey.state == State.OPEN else None
    journey.save(update_fields=["due_at"])
    status.mark_needs_attention(journey.order_id, why)
    story.tell("order.needs_attention", key=f"order:{journey.order_id}", why=why)


def ask(order_id: UUID, why: str) -> None:
    """The order needs a person while its step is still being tried; nothing when it needs one already."""
    if lock_order(order_id).status == Order.Status.PROCESSING:
        status.mark_needs_attention(order_id, why)
        story.tell("order.needs_attention", key=f"order:{order_id}", why=why)


def off_the_desk(order_id: UUID) -> None:
    """What a person set going again, or was still tried, has moved."""
    if lock_order(order_id).status == Order.Status.NEEDS_ATTENTION:
        status.mark_processing(order_id)


def tell(journey: Journey, event: Fact, *, leads: bool = True) -> None:
    """Publish the event, and expect the next one in time. The journey is locked, or new.

    `leads`: others do their part on it, so that it is the one to publish once more should the next never come.
    """
    publish(event, key=f"order:{journey.order_id}")
    journey.last_event, journey.last_event_at = registry.event_of(type(event)).name, Now()
    if leads:
        journey.leading_event, journey.leading_body = journey.last_event, codec.encode(event)
    expect(journey)


def expect(journey: Journey, within: timedelta = timedelta(0), *, waits_for: str = "") -> None:
    """Have the watchdog look when nothing has happened for its patience after `within`; writes the journey.

    An order that can still turn is looked at by its deadline at the latest.
    """
    due = Now() + within + settings.ORDERS_EVENT_PATIENCE
    journey.waits_for = waits_for
    journey.due_at = Least(due, F("deadline_at")) if journey.state == State.OPEN else due
    journey.save()


def locked(order_id: UUID, *states: str) -> Journey | None:
    """The journey, locked until the transaction ends; None when it is in none of the states, or there is none."""
    return Journey.objects.select_for_update().filter(pk=order_id, state__in=states).first()


def may_run(step: Step[Checkout, Any]) -> tuple[str, ...]:
    """The states of an order in which this step may be asked for, and recorded."""
    if before_capture(step):
        return (State.OPEN,)
    return (State.OPEN, State.ONWARD) if step.is_pivot else (State.ONWARD,)


def before_capture(step: Step[Checkout, Any]) -> bool:
    """Whether the order can still turn when this step is asked for."""
    pivot = checkout.pivot_step
    return pivot is not None and step.position < pivot.position


def _code_of(error: Exception) -> str:
    """The code of a refusal, also of one that was made a permanent failure; "" for anything else."""
    refusal = error if isinstance(error, Refused) else error.__cause__
    return refusal.code if isinstance(refusal, Refused) else ""


def _is_settled(row: JourneyStep, to: StepStatus) -> bool:
    return not row.may_have_happened if to == StepStatus.UNDO_FAILED else row.status in OVER
