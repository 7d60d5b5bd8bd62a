"""What the companies tell each other about an order that is carried by events. `key` of each message is `order:<id>`.

These are types of their own, so that an order carried by a saga makes no deliveries here. What everybody hears,
whichever way an order is carried, stands in `orders/events.py`: placed, confirmed, cancelled, needs attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from outbox import event

PREFIX = "orders.choreography."


@dataclass(frozen=True)
class Fact:
    """What all of them say."""

    order_id: UUID


@dataclass(frozen=True)
class Refusal(Fact):
    """A company did not do its part: whoever did theirs undoes it."""

    code: str
    """For programs; `orders.wording` has the words."""
    reason: str


@event(f"{PREFIX}checkout_opened", version=1)
@dataclass(frozen=True)
class CheckoutOpened(Fact):
    """The order was accepted: the bank may begin."""


@event(f"{PREFIX}payment_authorized", version=1)
@dataclass(frozen=True)
class PaymentAuthorized(Fact):
    """The bank holds the amount, in minor units; nothing is charged yet."""

    payment_intent: str
    amount: int
    currency: str


@event(f"{PREFIX}payment_refused", version=1)
@dataclass(frozen=True)
class PaymentRefused(Refusal):
    """The bank does not hold the amount, or never said so."""


@event(f"{PREFIX}payment_released", version=1)
@dataclass(frozen=True)
class PaymentReleased(Fact):
    """The bank holds nothing for this order any more."""


@event(f"{PREFIX}stock_reserved", version=1)
@dataclass(frozen=True)
class StockReserved(Fact):
    """The warehouse has put the goods aside."""

    reservation: str


@event(f"{PREFIX}stock_refused", version=1)
@dataclass(frozen=True)
class StockRefused(Refusal):
    """The warehouse does not have the goods, or never said so."""


@event(f"{PREFIX}stock_released", version=1)
@dataclass(frozen=True)
class StockReleased(Fact):
    """The warehouse keeps nothing aside for this order any more."""


@event(f"{PREFIX}shipment_booked", version=1)
@dataclass(frozen=True)
class ShipmentBooked(Fact):
    """The carrier has a label for the parcel."""

    booking: str


@event(f"{PREFIX}shipment_refused", version=1)
@dataclass(frozen=True)
class ShipmentRefused(Refusal):
    """The carrier does not take the parcel, or never said so."""


@event(f"{PREFIX}shipment_cancelled", version=1)
@dataclass(frozen=True)
class ShipmentCancelled(Fact):
    """The carrier expects no parcel of this order any more."""


@event(f"{PREFIX}payment_captured", version=1)
@dataclass(frozen=True)
class PaymentCaptured(Fact):
    """The card was charged, in minor units of the order's currency: the point of no return."""

    payment_intent: str
    amount: int


@event(f"{PREFIX}capture_refused", version=1)
@dataclass(frozen=True)
class CaptureRefused(Refusal):
    """The card was surely not charged."""


@event(f"{PREFIX}stock_committed", version=1)
@dataclass(frozen=True)
class StockCommitted(Fact):
    """The goods have left the stock."""


@event(f"{PREFIX}parcel_dispatched", version=1)
@dataclass(frozen=True)
class ParcelDispatched(Fact):
    """The parcel is with the carrier."""

    tracking: str


@event(f"{PREFIX}cancel_requested", version=1)
@dataclass(frozen=True)
class CancelRequested(Refusal):
    """The customer, or an operator, wants the order no more, and the card is not charged."""


@event(f"{PREFIX}deadline_passed", version=1)
@dataclass(frozen=True)
class DeadlinePassed(Refusal):
    """The card was not charged in time."""


WITHDRAWN = (CancelRequested, DeadlinePassed)
"""No company refused, and all undo all the same."""
