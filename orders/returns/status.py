"""How a return's status changes: called by its sagas, inside the transaction that records what happened.

Each function locks the return, does nothing when it is already there, and publishes what it changed.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from orders import story
from orders.errors import OrderChanged
from orders.money import minor_units
from outbox import publish

from .errors import UnexpectedStatus
from .events import OrderReturned, RefundFailed, RefundPaidAgain, ReturnDeclined, ReturnNeedsAttention
from .models import Return

Status = Return.Status

ALLOWED: dict[str, frozenset[str]] = {
    Status.REQUESTED: frozenset({Status.NEEDS_ATTENTION}),
    Status.REFUNDING: frozenset({Status.REQUESTED, Status.NEEDS_ATTENTION}),
    Status.DONE: frozenset({Status.REFUNDING, Status.NEEDS_ATTENTION}),
    Status.DECLINED: frozenset({Status.REQUESTED, Status.NEEDS_ATTENTION}),
    Status.NEEDS_ATTENTION: frozenset({Status.REQUESTED, Status.REFUNDING, Status.DONE}),
}
"""Each status, and those it may follow."""


def note_parcel(return_id: UUID, parcel: str) -> None:
    """What the carrier said of the parcel, a value of `Return.Parcel`."""
    save(lock_return(return_id), parcel=parcel)


def mark_requested(return_id: UUID) -> None:
    """An operator set it going again before the money was owed."""
    move(lock_return(return_id), Status.REQUESTED, status_reason="")


def mark_refunding(return_id: UUID) -> None:
    """The goods count as ours again: the money is owed."""
    move(lock_return(return_id), Status.REFUNDING, status_reason="")


def note_refund(return_id: UUID, refund_id: str) -> None:
    """The bank gave the money back; "" for a refund that was not the bank's."""
    save(lock_return(return_id), refund_id=refund_id, refunded_at=timezone.now())


def mark_done(return_id: UUID) -> None:
    """The customer has the money, and is told so. An operator may say so without a refund of the bank's."""
    returned = lock_return(return_id)
    if move(returned, Status.DONE, refunded_at=returned.refunded_at or timezone.now(), status_reason=""):
        publish(OrderReturned(**facts(returned), **money(returned)), key=returned.saga_key)
        story.tell("return.done", **{"return": returned.number})


def mark_unpaid(return_id: UUID, refund_id: str, why: str) -> bool:
    """The refund failed after it had succeeded: the money is owed again. False for a refund that is not the latest."""
    returned = lock_return(return_id)
    if returned.refund_id != refund_id or returned.refunded_at is None:
        return False
    save(returned, refunded_at=None)
    publish(RefundFailed(**facts(returned), **money(returned)), key=returned.saga_key)
    mark_needs_attention(return_id, why)
    return True


def mark_paid_back(return_id: UUID) -> None:
    """The money that was owed again has been paid; the customer who was told that it was not hears so."""
    returned = lock_return(return_id)
    if move(returned, Status.DONE, refunded_at=returned.refunded_at or timezone.now(), status_reason=""):
        publish(RefundPaidAgain(**facts(returned), **money(returned)), key=returned.saga_key)


def mark_declined(return_id: UUID, code: str) -> None:
    """Nothing comes back; `code` says why."""
    returned = lock_return(return_id)
    if move(returned, Status.DECLINED, status_reason=code):
        publish(ReturnDeclined(**facts(returned), reason=code), key=returned.saga_key)
        story.tell("return.declined", **{"return": returned.number}, code=code)


def mark_needs_attention(return_id: UUID, why: str) -> None:
    """Its saga is stuck; `why` is a sentence for the operator."""
    returned = lock_return(return_id)
    why = why[:500]
    if move(returned, Status.NEEDS_ATTENTION, status_reason=why):
        told = ReturnNeedsAttention(returned.pk, returned.number, returned.order_id, why)
        publish(told, key=returned.saga_key)


def lock_return(return_id: UUID) -> Return:
    """The return as it is now, locked until the transaction ends. Raises Return.DoesNotExist."""
    return Return.objects.select_for_update(of=("self",)).select_related("order").get(pk=return_id)


def move(returned: Return, status: str, **changes: object) -> bool:
    """Write the new status; False when the return has it already. Raises UnexpectedStatus."""
    if returned.status == status:
        return False
    if returned.status not in ALLOWED[status]:
        raise UnexpectedStatus(returned.number, returned.status, status)
    save(returned, status=status, **changes)
    return True


def save(returned: Return, **changes: object) -> None:
    """Write the changed fields and count the version up; OrderChanged when `returned` is not the latest version."""
    unchanged = Return.objects.filter(pk=returned.pk, version=returned.version)
    if not unchanged.update(version=F("version") + 1, updated_at=timezone.now(), **changes):
        raise OrderChanged(returned.number, "return")
    for field, value in {**changes, "version": returned.version + 1}.items():
        setattr(returned, field, value)


def money(returned: Return) -> dict[str, Any]:
    """What is given back, in minor units."""
    return {"amount": minor_units(returned.amount, returned.currency), "currency": returned.currency}


def facts(returned: Return) -> dict[str, Any]:
    """What every letter to the customer rests on."""
    order = returned.order
    return {
        "return_id": returned.pk,
        "number": returned.number,
        "order_id": order.pk,
        "order_number": order.number,
        "email": order.email,
    }
