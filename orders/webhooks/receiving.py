"""Takes a report once: the inbox's row and the event that tells of it commit together."""

from __future__ import annotations

from django.db import transaction

from orders.models import Order
from outbox import inbox, publish

from .events import PaymentReported
from .reports import Report

NAME = "webhooks.stripe"
"""Under which the inbox remembers the reports."""
SOURCE = "https://api.stripe.com"


def take(report: Report) -> bool:
    """Publish that the processor reports something. False, and nothing, when this report was taken before."""
    with transaction.atomic():
        if not inbox.first_time(NAME, source=SOURCE, source_id=report.id, at=report.at):
            return False
        order = order_of(report)
        number = order.number if order else ""
        reported = PaymentReported(report.id, report.type, report.payment_intent, number)
        publish(reported, key=order.saga_key if order else "")
        return True


def order_of(report: Report) -> Order | None:
    """The order that has this payment, or the one that our own identity and number on it name."""
    paid_so = Order.objects.filter(payment_intent=report.payment_intent).first() if report.payment_intent else None
    if paid_so is None and report.order_number:
        return Order.objects.filter(number=report.order_number).first()
    return paid_so
