"""What the order's page shows of its returns."""

from __future__ import annotations

from typing import Any

from django import template

from orders.models import Order
from orders.returns import wording
from orders.returns.shown import Shown
from orders.returns.standing import refunded

register = template.Library()


@register.inclusion_tag("returns/list.html")
def order_returns(order: Order) -> dict[str, Any]:
    """The order's returns and where they stand, live, and the way to one more."""
    return {"shown": Shown.of(order), "order": order}


@register.simple_tag
def refunded_of(order: Order) -> str:
    """What of the charge was given back, in a sentence; empty while nothing was."""
    return wording.refunded(order, refunded(order))
