"""The part of an order's page that is about its returns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal

from orders.models import Order
from orders.standing import standing_of
from sagas.models import StepStatus

from . import wording
from .models import Return
from .standing import can_return, refunded

TOO_LATE = "It is too late to cancel this order. Once it is on its way you can return it, here on this page."


@dataclass(frozen=True, slots=True)
class ShownReturn:
    """One return on the page."""

    number: str
    pieces: tuple[str, ...]
    status: str
    state: str
    """Where it stands, in a sentence."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows below the order's steps."""

    returns: tuple[ShownReturn, ...]
    refunded: Decimal
    can_return: bool
    hint: str
    """How an order that can no longer be cancelled can be given back."""
    moving: bool
    """Whether the page is to ask again."""

    @classmethod
    def of(cls, order: Order) -> Shown:
        """The order's returns as they stand, oldest first."""
        returns = list(order.returns.prefetch_related("lines__line").order_by("created_at"))
        return cls(
            returns=tuple(show(one) for one in returns),
            refunded=refunded(order),
            can_return=can_return(order),
            hint=TOO_LATE if is_paid_for(order) else "",
            moving=any(not one.is_final for one in returns),
        )

    @property
    def is_empty(self) -> bool:
        return not (self.returns or self.can_return or self.hint)

    @property
    def fingerprint(self) -> str:
        """Changes with anything that is shown."""
        return hashlib.sha256(repr((self.returns, self.refunded, self.can_return)).encode()).hexdigest()[:16]


def show(returned: Return) -> ShownReturn:
    """One return in the customer's words."""
    pieces = tuple(f"{line.quantity} × {line.line.name}" for line in returned.lines.all())
    return ShownReturn(returned.number, pieces, returned.status, wording.state(returned))


def is_paid_for(order: Order) -> bool:
    """Whether the order is past its point of no return and still moving by itself."""
    if order.status != Order.Status.PROCESSING:
        return False
    standing = standing_of(order)
    return standing is not None and standing.capture == StepStatus.DONE
