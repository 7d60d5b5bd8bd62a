"""What the order's page shows of its returns."""

from __future__ import annotations

from django import template

from orders.models import Order
from orders.returns.page_section import Shown

register = template.Library()


@register.simple_tag
def shown_returns(order: Order) -> Shown:
    """The order's returns and where they stand."""
    return Shown.of(order)
