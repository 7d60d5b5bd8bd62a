"""A customer asks to cancel: who wins, and the record of it, in one transaction.

Lock order: what carries the order, then the order; see `Coordinator`.
"""

from __future__ import annotations

from collections.abc import Set

from django.db import transaction
from django.db.models import Q

from .. import story
from ..coordination.choose import coordinator_of
from ..errors import OrderChanged
from ..locks import lock_order
from ..models import CancelRequest, Order

Answer = CancelRequest.Answer
GOING_BACK = (Order.Status.CANCELLING, Order.Status.CANCELLED)


def ask(order: Order, *, seen: Set[int] | None = None) -> CancelRequest:
    """Have the order undone, if that can still be; returns what the customer is to be told.

    `seen`: versions of the order that the customer may have decided on; None for any. Raises OrderChanged, and cancels
    nothing, when the order could be cancelled but is at another version by now. An order that goes back already, or
    can not be cancelled, is told of instead: for that it does not matter what the customer saw.
    """
    with transaction.atomic():
        coordinator_of(order).lock()
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
    if order.status == Order.Status.CONFIRMED or not coordinator_of(order).cancel():
        return Answer.TOO_LATE
    return Answer.CANCELLED


def _note(order: Order, answer: Answer) -> CancelRequest:
    """Write the answer down, unless it was given before. A second tab is told what the first one was."""
    known = Q(answer=answer) | Q(answer=Answer.CANCELLED) if answer == Answer.ALREADY else Q(answer=answer)
    noted = order.cancel_requests.filter(known).order_by("id").first()
    if noted is None:
        begun = coordinator_of(order).charge_begun_at() if answer == Answer.TOO_LATE else None
        noted = CancelRequest.objects.create(order=order, answer=answer, charge_begun_at=begun)
        noted.refresh_from_db(fields=["asked_at"])
        story.tell("order.cancel_asked", order=order.number, answer=str(answer))
    return noted
