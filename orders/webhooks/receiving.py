"""Takes a report once: the inbox's row and the event that tells of it commit together."""

from __future__ import annotations

from django.db import transaction

from outbox import publish
from outbox.consuming import inbox

from .events import PaymentReported
from .payers import Payer, payer
from .reports import Report

NAME = "webhooks.stripe"
"""Under which the inbox remembers the reports."""
SOURCE = "https://api.stripe.com"


def take(report: Report) -> bool:
    """Publish that the processor reports something. False, and nothing, when this report was taken before."""
    with transaction.atomic():
        if not inbox.first_time(NAME, source=SOURCE, source_id=report.id, at=report.at):
            return False
        about = paid_by(report)
        number = about.number if about else ""
        reported = PaymentReported(report.id, report.type, report.payment_intent, number)
        publish(reported, key=about.saga_key if about else "")
        return True


def paid_by(report: Report) -> Payer | None:
    """The order, or trip, that has this payment, or the one that our own identity and number on it name."""
    names = {"payment_intent": report.payment_intent, "number": report.order_number}
    found = (payer(field, name) for field, name in names.items() if name)
    return next((one for one in found if one is not None), None)
