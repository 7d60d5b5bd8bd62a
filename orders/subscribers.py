"""What the shop does about its own events: it writes to the customer.

A handler may run twice for one message when the mail server took the letter and we died before we wrote that down. Both
letters then carry the same Message-ID, by which mail systems drop the second.
"""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from outbox import Message, Retry, subscribe

from . import wording
from .choreography import carrier, payments, shop, warehouse  # noqa: F401 - who reacts to what, by events alone
from .events import OrderCancelled, OrderConfirmed
from .models import Order


@subscribe(OrderConfirmed, name="orders.email_confirmation", retry=Retry(attempts=8))
def email_confirmation(message: Message[OrderConfirmed]) -> None:
    """Tell the customer that the order is paid and on its way."""
    send(message, f"Your order {message.body.number} is on its way", "orders/mail/confirmed.txt")


@subscribe(OrderCancelled, name="orders.email_cancellation", retry=Retry(attempts=8))
def email_cancellation(message: Message[OrderCancelled]) -> None:
    """Tell the customer that the order is cancelled, why, and that nothing was charged."""
    reason = wording.reason(message.body.reason)
    send(message, f"Your order {message.body.number} is cancelled", "orders/mail/cancelled.txt", reason=reason)


def send(message: Message[Any], subject: str, template: str, **extra: str) -> None:
    """Render and send one letter to the order's customer."""
    order = Order.objects.prefetch_related("lines").get(pk=message.body.order_id)
    link = f"{settings.SITE_URL}{order.get_absolute_url()}"
    text = render_to_string(template, {"order": order, "event": message.body, "link": link, **extra})
    EmailMessage(subject, text, to=[message.body.email], headers={"Message-ID": message_id(message)}).send()


def message_id(message: Message[Any]) -> str:
    """The letter's own id, the same however often it is sent."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{message.id}@{domain}>"
