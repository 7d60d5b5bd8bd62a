"""What returns do about events: they write to the customer, and listen for refunds that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from orders.mail.letters import message_id
from orders.participants import refunding
from orders.webhooks.dispatch import hears
from orders.webhooks.events import PaymentReported
from orders.webhooks.retry_after import asked_later
from outbox import Message, Retry, RetryAfter, subscribe

from . import services, wording
from .events import OrderReturned, RefundFailed, RefundPaidAgain, ReturnDeclined
from .mail import letter_log, letters
from .models import Letter, Return

PATIENT = Retry(attempts=8)
TIMEOUT = timedelta(seconds=10)
SOON = timedelta(seconds=10)
REPORTS = ("refund.failed", "refund.updated")
"""The processor's words for a refund that may have failed; it is asked, and the report is not believed."""


def write(message: Message[Any]) -> Letter | None:
    """The letter that is due about the return of the message, if any; see `mail.letter_log`."""
    letter = letter_log.begin(message.body.return_id, message_id(message.id))
    if letter is not None:
        letters.send(letter)
    return letter


@subscribe(OrderReturned, name="returns.email_returned", retry=PATIENT, call=write)
def email_returned(_message: Message[OrderReturned], letter: Letter | None) -> None:
    letter_log.note_sent(letter)


@subscribe(RefundFailed, name="returns.email_unpaid", retry=PATIENT, call=write)
def email_unpaid(_message: Message[RefundFailed], letter: Letter | None) -> None:
    letter_log.note_sent(letter)


@subscribe(RefundPaidAgain, name="returns.email_paid_again", retry=PATIENT, call=write)
def email_paid_again(_message: Message[RefundPaidAgain], letter: Letter | None) -> None:
    letter_log.note_sent(letter)


@subscribe(ReturnDeclined, name="returns.email_declined", retry=PATIENT, call=write)
def email_declined(_message: Message[ReturnDeclined], letter: Letter | None) -> None:
    letter_log.note_sent(letter)


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
