"""What a customer can do with a confirmed order, send it back, and what happens to a refund that fails later."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from orders import story
from orders.errors import KeyReused
from orders.locks import lock_order
from orders.models import Order
from orders.money import minor_units, shown
from orders.placing import idempotency
from outbox import publish
from outbox.messages import causation

from .errors import ReturnRefused
from .events import ReturnRequested
from .models import Return, ReturnLine
from .returnable import Left, left_of, promised, why_not
from .sagas import FailedRefund, GoodsBack, Line, failed_refund, returning
from .validation import ReturnWish

SUBJECT = 300  # characters that a run keeps
UNDECIDED = (Return.Status.REQUESTED, Return.Status.NEEDS_ATTENTION)


@dataclass(frozen=True, slots=True)
class Requested:
    """The return, and whether this very call created it."""

    returned: Return
    created: bool


def request_return(order_id: UUID, wish: ReturnWish, *, idempotency_key: str, wait: bool = True) -> Requested:
    """Accept a return: its rows, its saga and its event in one transaction, under the order's row lock.

    The same key and wish give the same return; while the first of them is under way, `wait` and KeyInUse are those of
    `idempotency.once`. Raises ReturnRefused when more would come back than was ordered or the order is not one to
    return, KeyReused when the key belongs to another wish.
    """
    requested = idempotency.once(
        f"return:{order_id}",
        idempotency_key,
        find=lambda: find_by_key(order_id, wish, idempotency_key),
        make=lambda: make(order_id, wish, idempotency_key),
        wait=wait,
    )
    return Requested(*requested)


def refund_failed(refund_id: str, why: str) -> bool:
    """The bank says that a refund which had succeeded did not arrive: a run of its own brings it to a person's desk.

    Call it as often as the report comes. False for a refund that no return knows, or that was seen to already.
    """
    with transaction.atomic():
        returned = Return.objects.select_related("order").filter(refund_id=refund_id).first()
        if returned is None or returned.refunded_at is None:
            return False
        wish = FailedRefund(
            return_id=returned.pk,
            return_number=returned.number,
            order_number=returned.order.number,
            payment_intent=returned.order.payment_intent,
            refund_id=refund_id,
            amount=minor_units(returned.amount, returned.currency),
            currency=returned.currency,
            why=why[:300],
        )
        order = returned.order
        subject = f"{returned.number} {order.number} {shown(wish.amount, wish.currency)} {order.email}"
        failed_refund.start(wish, key=f"refund:{returned.pk}:{refund_id}", subject=subject[:SUBJECT])
        return True


def find_by_key(order_id: UUID, wish: ReturnWish, idempotency_key: str) -> Return | None:
    """The order's return that this key made; KeyReused when another wish made it."""
    existing = Return.objects.filter(order=order_id, idempotency_key=idempotency_key).first()
    if existing is None:
        return None
    made = Counter({line.line.sku: line.quantity for line in existing.lines.select_related("line")})
    if (made, existing.reason) != (wish.pieces, wish.reason):
        raise KeyReused
    return existing


def make(order_id: UUID, wish: ReturnWish, idempotency_key: str) -> Return:
    """All that must exist together when a return is accepted, in the caller's transaction."""
    order = lock_order(order_id)
    lines = accepted(order, wish)
    returned = create(order, wish, lines, idempotency_key)
    start(order, returned, lines)
    story.tell("return.requested", **{"return": returned.number}, id=str(returned.pk), order=order.number)
    return returned


def accepted(order: Order, wish: ReturnWish) -> list[ReturnLine]:
    """The return's lines, not saved. Raises ReturnRefused."""
    if refusal := why_not(order):
        raise ReturnRefused({"order": [refusal]})
    left = {one.line.sku: one for one in left_of(order)}
    wrong = {f"lines.{sku}": [why] for sku, pieces in wish.pieces.items() if (why := complaint(left.get(sku), pieces))}
    if wrong:
        raise ReturnRefused(wrong)
    lines = [ReturnLine(line=left[sku].line, quantity=pieces) for sku, pieces in wish.pieces.items()]
    if minor_units(promised(order) + amount_of(lines), order.currency) > order.charged:
        raise ReturnRefused({"order": ["That is more than your card was charged; please write to us."]})
    return lines


def complaint(left: Left | None, pieces: int) -> str:
    """What is wrong with returning so many; empty when nothing is."""
    if left is None:
        return "It was not ordered."
    if pieces <= left.quantity:
        return ""
    if not left.quantity:
        return f"{left.line.name}: all of it is being returned already."
    return f"{left.line.name}: {left.quantity} of {left.line.quantity} can still be returned."


def create(order: Order, wish: ReturnWish, lines: list[ReturnLine], idempotency_key: str) -> Return:
    """Write the return and its lines."""
    returned = Return.objects.create(
        order=order,
        reason=wish.reason,
        amount=amount_of(lines),
        currency=order.currency,
        idempotency_key=idempotency_key,
    )
    for line in lines:
        line.returned = returned
    ReturnLine.objects.bulk_create(lines)
    return returned


def start(order: Order, returned: Return, lines: list[ReturnLine]) -> None:
    """Say that it was accepted, and start its saga. A parcel in which nothing is wanted any more is recalled."""
    amount = minor_units(returned.amount, returned.currency)
    told = ReturnRequested(returned.pk, returned.number, order.pk, amount, returned.currency)
    with causation.use(str(publish(told, key=returned.saga_key))):
        returning.start(
            GoodsBack(
                return_id=returned.pk,
                return_number=returned.number,
                order_number=order.number,
                payment_intent=order.payment_intent,
                tracking="" if is_wanted(order, returned) else order.tracking,
                amount=amount,
                currency=returned.currency,
                lines=tuple(Line(line.line.sku, line.quantity) for line in lines),
            ),
            key=returned.saga_key,
            subject=f"{returned.number} {order.number} {order.email}",
        )


def is_wanted(order: Order, returned: Return) -> bool:
    """Whether the parcel shall go on: something in it is not returned, or belongs to a return that may be declined."""
    undecided = order.returns.filter(status__in=UNDECIDED, refunded_at=None).exclude(pk=returned.pk)
    return any(one.quantity for one in left_of(order)) or undecided.exists()


def amount_of(lines: list[ReturnLine]) -> Decimal:
    """What is given back for them."""
    return sum((line.total for line in lines), Decimal(0))
