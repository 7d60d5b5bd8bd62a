"""What the shop does when the card processor reports something."""

from __future__ import annotations

from datetime import timedelta

from orders.models import Order
from orders.participants import payments
from outbox import Message, Retry, subscribe

from . import settling
from .events import PaymentReported

TIMEOUT = timedelta(seconds=10)
MOVES = "payment_intent."


def state_of(message: Message[PaymentReported]) -> str:
    """How the payment stands now, by the processor's own word; "" for a report that moves no order."""
    about = message.body
    if not (about.type.startswith(MOVES) and about.payment_intent and about.order_number):
        return ""
    return payments.state_of(about.payment_intent, timeout=TIMEOUT)


@subscribe(PaymentReported, name="webhooks.settle", retry=Retry(attempts=8), call=state_of)
def settle(message: Message[PaymentReported], state: str) -> None:
    """Have the order that waits on the payment look at it now."""
    order = Order.objects.filter(number=message.body.order_number).first()
    if state and order is not None and not order.is_final:
        settling.settle(order, state, message.body.type)
