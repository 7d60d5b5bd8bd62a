"""What the admin's front page needs of the shop."""

from __future__ import annotations

from django import template

from orders.models import Order

register = template.Library()
COUNTED = 1_000


@register.simple_tag
def orders_for_a_person() -> int:
    """How many orders need attention, whichever way they are carried; at most 1000 are counted."""
    return Order.objects.filter(status=Order.Status.NEEDS_ATTENTION)[:COUNTED].count()
