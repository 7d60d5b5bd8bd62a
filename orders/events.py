"""The facts the shop publishes. Amounts are in minor units (cents); `key` of each message is `order:<id>`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbox import event


@event("orders.order_placed", version=1)
@dataclass(frozen=True)
class OrderPlaced:
    """A customer's order was accepted; from here it is carried."""

    order_id: UUID
    number: str
    email: str
    amount: int
    currency: str


@event("orders.payment_authorized", version=1)
@dataclass(frozen=True)
class PaymentAuthorized:
    """The bank holds the amount; nothing is charged yet."""

    order_id: UUID
    payment_intent: str
    amount: int
    currency: str


@event("orders.payment_action_required", version=1)
@dataclass(frozen=True)
class PaymentActionRequired:
    """The bank wants the customer to confirm the payment at `url`; after `until` the order is cancelled."""

    order_id: UUID
    number: str
    email: str
    url: str
    until: datetime


@event("orders.stock_reserved", version=1)
@dataclass(frozen=True)
class StockReserved:
    """The warehouse has put the goods aside."""

    order_id: UUID
    reservation: str


@event("orders.payment_captured", version=1)
@dataclass(frozen=True)
class PaymentCaptured:
    """The card was charged: the point of no return."""

    order_id: UUID
    payment_intent: str
    amount: int
    currency: str


@event("orders.parcel_dispatched", version=1)
@dataclass(frozen=True)
class ParcelDispatched:
    """The parcel is with the carrier."""

    order_id: UUID
    tracking: str


@event("orders.order_confirmed", version=1)
@dataclass(frozen=True)
class OrderConfirmed:
    """The order is paid and on its way."""

    order_id: UUID
    number: str
    email: str
    amount: int
    currency: str
    tracking: str


@event("orders.order_cancelled", version=1)
@dataclass(frozen=True)
class OrderCancelled:
    """All was undone, by the program or by an operator. `reason` is a code, put in words by `orders.wording`."""

    order_id: UUID
    number: str
    email: str
    reason: str


@event("orders.order_needs_attention", version=1)
@dataclass(frozen=True)
class OrderNeedsAttention:
    """Nothing goes on by itself; an operator has to decide."""

    order_id: UUID
    number: str
    why: str
