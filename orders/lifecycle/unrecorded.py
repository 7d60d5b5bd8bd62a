"""What the card was charged for an order that a person closed as completed before the charge was recorded.

The card processor is asked, outside of transactions. So our books say what its books say, and no case is opened at
night which only a person could close.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ..models import Order
from ..money import minor_units
from ..participants import payments
from . import payment

TIMEOUT = timedelta(seconds=10)


def find_charge(order_id: UUID) -> None:
    """Record the order's charge, if there is one and nobody has. Raises what the processor's client raises."""
    order = Order.objects.get(pk=order_id)
    if not order.total or order.charged or not order.payment_intent or order.status != Order.Status.CONFIRMED:
        return
    whose = payments.Owner(order.number, order.payment_intent, minor_units(order.total, order.currency), order.currency)
    found = payments.charged(order.payment_intent, whose=whose, timeout=TIMEOUT)
    if found:
        payment.note_found_charge(order_id, found)
