"""What of an order can come back, and what has."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from orders.models import Order, OrderLine

from .models import Return

COUNTS = ~Q(returned__returned__status=Return.Status.DECLINED)


@dataclass(frozen=True, slots=True)
class Left:
    """A line of an order, and how many of its pieces no return has named yet."""

    line: OrderLine
    quantity: int


def left_of(order: Order) -> list[Left]:
    """The order's lines in their order. It is certain only under the order's row lock."""
    named = Coalesce(Sum("returned__quantity", filter=COUNTS), 0)
    return [Left(line, line.quantity - line.named) for line in order.lines.annotate(named=named).order_by("id")]


def why_not(order: Order) -> str:
    """Why nothing of this order can be sent back as it stands, for the customer; empty when something can."""
    match order.status:
        case Order.Status.PROCESSING:
            return "You can return it once it is on its way."
        case Order.Status.CONFIRMED:
            paid = bool(order.charged and order.payment_intent)
            return "" if paid or not order.total else "To return it, please write to us."
        case Order.Status.NEEDS_ATTENTION:
            return "One of us is looking at this order; it cannot be returned before that is settled."
    return "It is cancelled: there is nothing to return."


def can_return(order: Order) -> bool:
    """Whether at least one piece of it can be sent back now."""
    return not why_not(order) and any(one.quantity for one in left_of(order))


def promised(order: Order) -> Decimal:
    """What all returns that were not declined come to."""
    owed = order.returns.exclude(status=Return.Status.DECLINED).aggregate(sum=Sum("amount"))
    return owed["sum"] or Decimal(0)
