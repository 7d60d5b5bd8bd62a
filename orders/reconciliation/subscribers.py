"""What the card processor reports of a dispute opens its case at once, and has it close when the bank has decided."""

from __future__ import annotations

from datetime import timedelta

from orders.webhooks.dispatch import hears
from orders.webhooks.events import PaymentReported
from orders.webhooks.retry_after import asked_later

from . import cases, processor
from .processor import Disputed

TIMEOUT = timedelta(seconds=10)


def disputes_now(about: PaymentReported) -> list[Disputed]:
    """The payment's disputes as the processor has them now: the report itself may be late, doubled or out of order."""
    if not about.payment_intent:
        return []
    with asked_later():
        return processor.disputes_of(about.payment_intent, timeout=TIMEOUT)


@hears("charge.dispute.", asks=disputes_now)
def dispute_reported(_report: PaymentReported, found: list[Disputed]) -> None:
    for one in found:
        if not cases.open_dispute(one):
            cases.look_again(one)
