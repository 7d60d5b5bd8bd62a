"""What the card processor reports of a dispute opens its case at once, and has it close when the bank has decided."""

from __future__ import annotations

from datetime import timedelta

from orders.webhooks.asking import asked_later
from orders.webhooks.events import PaymentReported
from outbox import Message, Retry, subscribe

from . import cases, processor
from .processor import Disputed

TIMEOUT = timedelta(seconds=10)
DISPUTES = "charge.dispute."


def disputes_now(message: Message[PaymentReported]) -> list[Disputed]:
    """The payment's disputes as the processor has them now: the report itself may be late, doubled or out of order."""
    about = message.body
    if not (about.type.startswith(DISPUTES) and about.payment_intent):
        return []
    with asked_later():
        return processor.disputes_of(about.payment_intent, timeout=TIMEOUT)


@subscribe(PaymentReported, name="reconciliation.dispute_reported", retry=Retry(attempts=8), call=disputes_now)
def dispute_reported(_message: Message[PaymentReported], found: list[Disputed]) -> None:
    for one in found:
        if not cases.open_dispute(one):
            cases.look_again(one)
