"""The facts that returns publish. Amounts are in minor units (cents); `key` of each message is `return:<id>`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from outbox import event


@event("returns.return_requested", version=1)
@dataclass(frozen=True)
class ReturnRequested:
    """A customer wants to give back some or all of an order, and we accepted that."""

    return_id: UUID
    number: str
    order_id: UUID
    amount: int
    currency: str


@event("returns.order_returned", version=1)
@dataclass(frozen=True)
class OrderReturned:
    """The money for what comes back was refunded, for the first time; a refund that fails later is another fact."""

    return_id: UUID
    number: str
    order_id: UUID
    order_number: str
    email: str
    amount: int
    currency: str


@event("returns.refund_failed", version=1)
@dataclass(frozen=True)
class RefundFailed:
    """A refund that had succeeded came back to us: the money is owed again. Amount and currency are what is owed."""

    return_id: UUID
    number: str
    order_id: UUID
    order_number: str
    email: str
    amount: int
    currency: str


@event("returns.refund_paid_again", version=1)
@dataclass(frozen=True)
class RefundPaidAgain:
    """The money of a refund that had failed has been paid after all, to the card or another way."""

    return_id: UUID
    number: str
    order_id: UUID
    order_number: str
    email: str
    amount: int
    currency: str


@event("returns.return_declined", version=1)
@dataclass(frozen=True)
class ReturnDeclined:
    """It could not be taken back, or, as an operator says, nothing is owed for it any more; nothing was refunded.

    `reason` is a code, put in words by `returns.wording`.
    """

    return_id: UUID
    number: str
    order_id: UUID
    order_number: str
    email: str
    reason: str


@event("returns.return_needs_attention", version=1)
@dataclass(frozen=True)
class ReturnNeedsAttention:
    """Nothing goes on by itself; an operator has to decide."""

    return_id: UUID
    number: str
    order_id: UUID
    why: str
