"""How an order's status changes: called by its saga, inside the transaction that records what happened.

Each function locks the order, does nothing when the order is already there, and publishes what it changed.
"""

from __future__ import annotations

from uuid import UUID

from outbox import publish

from .. import story
from ..errors import UnexpectedStatus
from ..events import OrderCancelled, OrderConfirmed, OrderNeedsAttention
from ..locks import lock_order, save
from ..models import Order
from ..money import minor_units

Status = Order.Status

ALLOWED: dict[str, frozenset[str]] = {
    Status.PROCESSING: frozenset({Status.NEEDS_ATTENTION, Status.CANCELLING}),
    Status.CONFIRMED: frozenset({Status.PROCESSING, Status.NEEDS_ATTENTION}),
    Status.CANCELLING: frozenset({Status.PROCESSING, Status.NEEDS_ATTENTION}),
    Status.CANCELLED: frozenset({Status.PROCESSING, Status.CANCELLING, Status.NEEDS_ATTENTION}),
    Status.NEEDS_ATTENTION: frozenset({Status.PROCESSING, Status.CANCELLING}),
}
"""Each status, and those it may follow."""


def confirm_order(order_id: UUID, tracking: str) -> None:
    """The order is paid and on its way; `tracking` is the carrier's number."""
    order = lock_order(order_id)
    if not move(order, Status.CONFIRMED, tracking=tracking, status_reason=""):
        return
    confirmed = OrderConfirmed(
        order.pk, order.number, order.email, minor_units(order.total, order.currency), order.currency, tracking=tracking
    )
    publish(confirmed, key=order.saga_key)
    story.tell("order.confirmed", order=order.number, tracking=tracking)


def mark_cancelling(order_id: UUID, why: str) -> None:
    """What was done for the order is being undone; `why` is a reason's code. No-op when it is cancelled already."""
    order = lock_order(order_id)
    if order.status != Status.CANCELLED:
        move(order, Status.CANCELLING, status_reason=why)


def mark_cancelled(order_id: UUID, reason_code: str, *, by_hand: bool = False) -> None:
    """All is undone and nothing was charged. An empty code keeps the reason that `mark_cancelling` wrote.

    `by_hand`: an operator has settled it outside, and says so. That alone takes back a confirmed order.
    """
    order = lock_order(order_id)
    also = frozenset({Status.CONFIRMED}) if by_hand else frozenset()
    if move(order, Status.CANCELLED, also_from=also, status_reason=reason_code or order.status_reason):
        publish(OrderCancelled(order.pk, order.number, order.email, order.status_reason), key=order.saga_key)
        story.tell("order.cancelled", order=order.number, code=order.status_reason)


def mark_needs_attention(order_id: UUID, why: str) -> None:
    """The saga is stuck, or still tried after it failed for long; `why` is a sentence for the operator."""
    order = lock_order(order_id)
    why = why[:500]
    if move(order, Status.NEEDS_ATTENTION, status_reason=why):
        publish(OrderNeedsAttention(order.pk, order.number, why), key=order.saga_key)


def tell_the_desk(order_id: UUID, news: str) -> None:
    """Add a sentence to what the operator reads of an order that is on their desk; no-op for any other, and twice."""
    order = lock_order(order_id)
    if order.status == Status.NEEDS_ATTENTION and news not in order.status_reason:
        save(order, status_reason=f"{order.status_reason} {news}"[:500])


def mark_processing(order_id: UUID) -> None:
    """An operator set a stuck saga going again, forwards."""
    move(lock_order(order_id), Status.PROCESSING, status_reason="")


def move(order: Order, status: str, *, also_from: frozenset[str] = frozenset(), **changes: object) -> bool:
    """Write the new status; False when the order has it already. Raises UnexpectedStatus."""
    if order.status == status:
        return False
    if order.status not in ALLOWED[status] | also_from:
        raise UnexpectedStatus(order.number, order.status, status)
    save(order, status=status, action_url="", **changes)
    return True
