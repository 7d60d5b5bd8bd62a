"""A customer asks to cancel: who wins, and the record of it, in one transaction.

Lock order: what carries the order (the saga's run, or the journey), then the order. Whoever takes the capture locks
the former as well, so that of a cancel and the capture exactly one is first, and the other sees that.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from sagas import TooLate
from sagas.models import Attempt, Run

from ..choreography import turning
from ..errors import OrderChanged
from ..lifecycle.status import mark_cancelling
from ..locks import lock_order
from ..models import Journey, JourneyStep, Order
from ..models.cancel_request import CancelRequest
from ..sagas import capture_payment, checkout

Answer = CancelRequest.Answer
GOING_BACK = (Order.Status.CANCELLING, Order.Status.CANCELLED)


def ask(order: Order, *, seen: Set[int] | None = None) -> CancelRequest:
    """Have the order undone, if that can still be; returns what the customer is to be told.

    `seen`: versions of the order that the customer may have decided on; None for any. Raises OrderChanged, and cancels
    nothing, when the order could be cancelled but is at another version by now. An order that goes back already, or
    can not be cancelled, is told of instead: for that it does not matter what the customer saw.
    """
    with transaction.atomic():
        _lock_carrier(order)
        current = lock_order(order.pk)
        version = current.version
        answer = _answer(current)
        if answer == Answer.CANCELLED and seen is not None and version not in seen:
            raise OrderChanged(current.number)
        return _note(current, answer)


def cancel_order(order: Order, *, seen: Set[int] | None = None) -> bool:
    """Have the order undone. False when it is too late: paid, or being paid, or on an operator's desk.

    `seen` and OrderChanged: see `ask`, which says more about the answer.
    """
    return ask(order, seen=seen).accepted


def told(order: Order) -> CancelRequest | None:
    """What the customer was answered: that it was cancelled, or else the latest answer; None when nobody asked."""
    asked = list(order.cancel_requests.order_by("asked_at", "id"))
    won = [request for request in asked if request.answer == Answer.CANCELLED]
    return next(iter(won or asked[-1:]), None)


def _answer(order: Order) -> Answer:
    """Turn the order if it can be turned. The locks are held."""
    if order.status in GOING_BACK:
        return Answer.ALREADY
    if order.status == Order.Status.NEEDS_ATTENTION:
        return Answer.WITH_A_PERSON
    if order.status == Order.Status.CONFIRMED or not _turn(order):
        return Answer.TOO_LATE
    return Answer.CANCELLED


def _turn(order: Order) -> bool:
    if order.coordination == Order.Coordination.CHOREOGRAPHY:
        return turning.cancel(order.pk)
    try:
        checkout.cancel(order.saga_key, reason="The customer cancelled the order.", actor="customer")
    except TooLate:
        return False
    mark_cancelling(order.pk, "cancelled")
    return True


def _lock_carrier(order: Order) -> None:
    """Nothing carries an order whose run was pruned; it has ended then."""
    if order.coordination == Order.Coordination.CHOREOGRAPHY:
        Journey.objects.select_for_update().filter(pk=order.pk).first()
    else:
        Run.objects.select_for_update().filter(name=checkout.name, key=order.saga_key).first()


def _note(order: Order, answer: Answer) -> CancelRequest:
    """Write the answer down, unless it was given before. A second tab is told what the first one was."""
    known = Q(answer=answer) | Q(answer=Answer.CANCELLED) if answer == Answer.ALREADY else Q(answer=answer)
    noted = order.cancel_requests.filter(known).order_by("id").first()
    if noted is None:
        begun = charge_begun_at(order) if answer == Answer.TOO_LATE else None
        noted = CancelRequest.objects.create(order=order, answer=answer, charge_begun_at=begun)
        noted.refresh_from_db(fields=["asked_at"])
    return noted


def charge_begun_at(order: Order) -> datetime | None:
    """When the bank was first asked to charge the card; None when it was not, or nobody knows any more."""
    if order.coordination == Order.Coordination.CHOREOGRAPHY:
        steps = JourneyStep.objects.filter(journey=order.pk, name=capture_payment.name, begun_at__isnull=False)
        return steps.values_list("begun_at", flat=True).first()
    tries = Attempt.objects.filter(
        run__name=checkout.name, run__key=order.saga_key, step=capture_payment.name, direction=Attempt.Direction.FORWARD
    ).exclude(outcome=Attempt.Outcome.AWAY)
    return tries.order_by("id").values_list("started_at", flat=True).first()
