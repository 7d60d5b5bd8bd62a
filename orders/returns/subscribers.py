"""What returns do about events: they write to the customer, and listen for refunds that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from orders.mail.letters import message_id
from orders.participants import refunding
from orders.webhooks.dispatch import hears
from orders.webhooks.events import PaymentReported
from orders.webhooks.retry_after import asked_later
from outbox import Message, Retry, RetryAfter, subscribe

from . import services, wording
from .events import OrderReturned, ReturnDeclined
from .models import Return

TIMEOUT = timedelta(seconds=10)
SOON = timedelta(seconds=10)
REPORTS = ("refund.failed", "refund.updated")
"""The processor's words for a refund that may have failed; it is asked, and the report is not believed."""


def write_returned(message: Message[OrderReturned]) -> None:
    """What was given back, and what to do with the goods."""
    done = "is refunded" if message.body.amount else "is taken back"
    send(message, f"Your return {message.body.number} {done}", "returns/mail/returned.txt")


def write_declined(message: Message[ReturnDeclined]) -> None:
    """That it was not taken back, and why."""
    reason = wording.declined(message.body.reason)
    send(message, f"We could not take back {message.body.number}", "returns/mail/declined.txt", reason=reason)


@subscribe(OrderReturned, name="returns.email_returned", retry=Retry(attempts=8), call=write_returned)
def email_returned(_message: Message[OrderReturned], _written: None) -> None:
    """The letter is out, and is not written again."""


@subscribe(ReturnDeclined, name="returns.email_declined", retry=Retry(attempts=8), call=write_declined)
def email_declined(_message: Message[ReturnDeclined], _written: None) -> None:
    """The letter is out, and is not written again."""


def failed_refunds(report: PaymentReported) -> list[tuple[str, str]]:
    """The refunds of the reported payment that failed, by the processor's own word, each with why.

    Raises RetryAfter while a return of it is being refunded: its refund may be the one, and not be written down yet.
    """
    if not report.payment_intent:
        return []
    returns = Return.objects.filter(order__payment_intent=report.payment_intent)
    if returns.filter(status=Return.Status.REFUNDING).exists():
        raise RetryAfter(SOON, "A return of this payment is being refunded.")
    made = returns.filter(refunded_at__isnull=False).exclude(refund_id="").values_list("refund_id", flat=True)
    with asked_later():
        asked = [(refund_id, refunding.failure(refund_id, timeout=TIMEOUT)) for refund_id in made]
    return [(refund_id, why) for refund_id, why in asked if why]


@hears(*REPORTS, asks=failed_refunds)
def refund_reported(_report: PaymentReported, failed: list[tuple[str, str]]) -> None:
    """Each refund that did not arrive goes to a person's desk, once however often it is reported."""
    for refund_id, why in failed:
        services.refund_failed(refund_id, wording.failure(why))


def send(message: Message[Any], subject: str, template: str, **extra: str) -> None:
    """Render and send one letter; sent twice it carries the same Message-ID, by which mail systems drop the second."""
    returned = Return.objects.select_related("order").get(pk=message.body.return_id)
    link = f"{settings.SITE_URL}{returned.order.get_absolute_url()}"
    context = {"returned": returned, "lines": returned.lines.select_related("line"), "link": link, **extra}
    context["parcel"] = wording.PARCEL[returned.parcel]
    text = render_to_string(template, context)
    EmailMessage(subject, text, to=[message.body.email], headers={"Message-ID": message_id(message.id)}).send()
