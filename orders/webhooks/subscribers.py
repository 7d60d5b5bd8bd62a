"""What the shop does when the card processor reports something, and when it wants something of the customer."""

from __future__ import annotations

from datetime import timedelta

from orders.events import PaymentActionRequired
from orders.mail import letters, sent_log
from orders.models import Notice, Order
from orders.money import minor_units
from orders.participants import payments
from outbox import Message, Retry, subscribe

from . import settling
from .dispatch import hears
from .events import PaymentReported
from .retry_after import asked_later

TIMEOUT = timedelta(seconds=10)
MOVES = "payment_intent."


def state_of(about: PaymentReported) -> str:
    """How the payment stands now, by the processor's own word; "" for a report that moves no order of ours."""
    order = _unsettled(about)
    if order is None or not (about.type.startswith(MOVES) and about.payment_intent):
        return ""
    whose = payments.Owner(order.number, order.payment_intent, minor_units(order.total, order.currency), order.currency)
    with asked_later():
        return payments.state_of(about.payment_intent, whose=whose, timeout=TIMEOUT)


@hears(MOVES, asks=state_of)
def settle(about: PaymentReported, state: str) -> None:
    """Have the order that waits on the payment look at it now."""
    order = _unsettled(about)
    if state and order is not None:
        settling.settle(order, state, about.type)


def _unsettled(about: PaymentReported) -> Order | None:
    """The order that the report is about, unless nothing can change about it any more."""
    order = Order.objects.filter(number=about.order_number).first() if about.order_number else None
    return None if order is None or order.is_final else order


def write(message: Message[PaymentActionRequired]) -> Notice | None:
    """Ask the customer to confirm the payment; nothing once they have, or the order goes on no more.

    Before the transaction, so that none is open meanwhile. A letter that is sent twice has one Message-ID.
    """
    asked = message.body
    notice = sent_log.begin_request(asked.order_id, asked.url, letters.message_id(message.id))
    if notice is not None:
        letters.send(notice, url=asked.url, until=asked.until)
    return notice


@subscribe(PaymentActionRequired, name="webhooks.email_confirm_payment", retry=Retry(attempts=8), call=write)
def email_confirm_payment(_message: Message[PaymentActionRequired], notice: Notice | None) -> None:
    """The letter is out, and is not written again."""
    sent_log.note_sent(notice)
