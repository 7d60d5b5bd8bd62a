"""What is done about events of trips: travellers are written to, and the card processor's reports wake trips.

No letter says anything of a trip before all of it is booked and paid, or undone: so none is ever taken back.
A letter is sent outside of transactions. What is said of one that is sent twice in `orders.subscribers` holds here too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.template.loader import render_to_string

from orders.coordination.by_saga import retry_in_doubt
from orders.mail.letters import message_id
from orders.money import minor_units
from orders.participants import payments
from orders.webhooks.dispatch import hears
from orders.webhooks.events import PaymentReported
from orders.webhooks.retry_after import asked_later
from orders.webhooks.settling import DECIDED, PROCESSOR, STILL_ASKING
from outbox import Message, Retry, subscribe

from . import wording
from .events import TripCancelled, TripConfirmed, TripPaymentActionRequired
from .models import Trip
from .sagas import authorize_payment, capture_payment
from .sagas import trip as saga

PATIENT = Retry(attempts=8)
TIMEOUT = timedelta(seconds=10)


def write_itinerary(message: Message[TripConfirmed]) -> str:
    """What is booked."""
    return send(message, f"Your trip {message.body.number} is booked", "trips/mail/itinerary.txt")


def write_cancellation(message: Message[TripCancelled]) -> str:
    """That the trip is cancelled, why, and what became of the money."""
    said = {
        "reason": wording.reason(message.body.reason),
        "charge": wording.charge(Trip.objects.get(pk=message.body.trip_id), ""),
    }
    return send(message, f"Your trip {message.body.number} is cancelled", "trips/mail/cancelled.txt", **said)


def write_request(message: Message[TripPaymentActionRequired]) -> str:
    """That the bank asks the traveller to confirm the payment; nothing once they have, or the trip goes on no more."""
    if Trip.objects.get(pk=message.body.trip_id).action_url != message.body.url:
        return ""
    subject = f"Please confirm the payment of your trip {message.body.number}"
    return send(message, subject, "trips/mail/confirm_payment.txt")


@subscribe(TripConfirmed, name="trips.email_itinerary", retry=PATIENT, call=write_itinerary)
def email_itinerary(message: Message[TripConfirmed], letter: str) -> None:
    """The letter is out; that it was is what the inbox remembers."""


@subscribe(TripCancelled, name="trips.email_cancellation", retry=PATIENT, call=write_cancellation)
def email_cancellation(message: Message[TripCancelled], letter: str) -> None:
    """The letter is out; that it was is what the inbox remembers."""


@subscribe(TripPaymentActionRequired, name="trips.email_confirm_payment", retry=PATIENT, call=write_request)
def email_confirm_payment(message: Message[TripPaymentActionRequired], letter: str) -> None:
    """The letter is out, or was not needed any more."""


def state_of(report: PaymentReported) -> str:
    """How the payment stands now, by the processor's own word; "" for a report that moves no trip of ours."""
    placed = _unsettled(report)
    if placed is None or not report.payment_intent:
        return ""
    amount = minor_units(placed.total, placed.currency)
    whose = payments.Owner(placed.number, placed.payment_intent, amount, placed.currency)
    with asked_later():
        return payments.state_of(report.payment_intent, whose=whose, timeout=TIMEOUT)


@hears("payment_intent.", asks=state_of)
def payment_reported(report: PaymentReported, state: str) -> None:
    """A doorbell, as an order's is: the trip that waits on its payment looks at it now, and one that is on the desk
    with its charge in doubt asks again."""
    placed = _unsettled(report)
    if not state or placed is None:
        return
    if state != STILL_ASKING:
        saga.wake(placed.saga_key, step=authorize_payment.name)
    if state in DECIDED and not saga.wake(placed.saga_key, step=capture_payment.name):
        reason = f"It reported {report.type}: the payment is {state}."
        retry_in_doubt(capture_payment, placed.saga_key, actor=PROCESSOR, reason=reason)


def _unsettled(report: PaymentReported) -> Trip | None:
    """The trip that the report is about, unless nothing can change about it any more."""
    named = Q(number=report.order_number) if report.order_number else Q(payment_intent=report.payment_intent)
    placed = Trip.objects.filter(named).first() if report.order_number or report.payment_intent else None
    return None if placed is None or placed.is_final else placed


def send(message: Message[Any], subject: str, template: str, **extra: str) -> str:
    """Render one letter to the traveller and hand it to the mail server; its Message-ID."""
    trip, letter = Trip.objects.get(pk=message.body.trip_id), message_id(message.id)
    link = f"{settings.SITE_URL}{trip.get_absolute_url()}"
    text = render_to_string(template, {"trip": trip, "event": message.body, "link": link, **extra})
    EmailMessage(subject, text, to=[message.body.email], headers={"Message-ID": letter}).send()
    return letter
