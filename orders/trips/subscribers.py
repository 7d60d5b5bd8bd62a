"""What is done about events of trips: travellers are written to, and the card processor's reports wake trips.

What is said of a letter that is sent twice in `orders.subscribers` holds here too.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from orders.coordination.by_saga import retry_in_doubt
from orders.mail.letters import message_id
from orders.money import minor_units
from orders.participants import payments
from orders.webhooks.dispatch import hears
from orders.webhooks.events import PaymentReported
from orders.webhooks.retry_after import asked_later
from orders.webhooks.settling import DECIDED, PROCESSOR, STILL_ASKING
from outbox import Message, Retry, subscribe

from . import letters, status, wording
from .events import TripCancelled, TripConfirmed, TripPaymentActionRequired
from .models import Trip, TripLetter
from .sagas import authorize_payment, capture_payment
from .sagas import trip as saga

Kind = TripLetter.Kind
PATIENT = Retry(attempts=8)
TIMEOUT = timedelta(seconds=10)


def write_itinerary(message: Message[TripConfirmed]) -> TripLetter | None:
    """What is booked; of a trip that a person closed, what the card processor says was charged."""
    if not message.body.ticket:
        with asked_later():
            find_charge(message.body.trip_id)
    return _written(letters.begin(message.body.trip_id, Kind.ITINERARY, message_id(message.id)))


def write_cancellation(message: Message[TripCancelled]) -> TripLetter | None:
    """That the trip is cancelled, why, and what became of the money."""
    letter = letters.begin(message.body.trip_id, Kind.CANCELLED, message_id(message.id))
    said = {
        "reason": wording.reason(message.body.reason),
        "charge": wording.charge(Trip.objects.get(pk=message.body.trip_id), ""),
    }
    return _written(letter, **said)


def write_request(message: Message[TripPaymentActionRequired]) -> TripLetter | None:
    """That the bank asks the traveller to confirm the payment; nothing once they have, or the trip goes on no more."""
    asked = message.body
    letter = letters.begin(asked.trip_id, Kind.CONFIRM_PAYMENT, message_id(message.id), url=asked.url)
    return _written(letter, event=asked)


@subscribe(TripConfirmed, name="trips.email_itinerary", retry=PATIENT, call=write_itinerary)
def email_itinerary(message: Message[TripConfirmed], letter: TripLetter | None) -> None:
    letters.note_sent(letter)


@subscribe(TripCancelled, name="trips.email_cancellation", retry=PATIENT, call=write_cancellation)
def email_cancellation(message: Message[TripCancelled], letter: TripLetter | None) -> None:
    letters.note_sent(letter)


@subscribe(TripPaymentActionRequired, name="trips.email_confirm_payment", retry=PATIENT, call=write_request)
def email_confirm_payment(message: Message[TripPaymentActionRequired], letter: TripLetter | None) -> None:
    letters.note_sent(letter)


def find_charge(trip_id: UUID) -> None:
    """Record the trip's charge, if there is one and nobody has; as `orders.lifecycle.unrecorded` does for an order."""
    trip = Trip.objects.get(pk=trip_id)
    if not trip.total or trip.charged or not trip.payment_intent or trip.status != Trip.Status.CONFIRMED:
        return
    found = payments.charged(trip.payment_intent, whose=_owner(trip), timeout=TIMEOUT)
    if found:
        status.note_other_charge(trip.pk, trip.payment_intent, found)


def state_of(report: PaymentReported) -> str:
    """How the payment stands now, by the processor's own word; "" for a report that moves no trip of ours."""
    placed = _unsettled(report)
    if placed is None or not report.payment_intent:
        return ""
    with asked_later():
        return payments.state_of(report.payment_intent, whose=_owner(placed), timeout=TIMEOUT)


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


def _owner(trip: Trip) -> payments.Owner:
    return payments.Owner(trip.number, trip.payment_intent, minor_units(trip.total, trip.currency), trip.currency)


def _written(letter: TripLetter | None, **said: object) -> TripLetter | None:
    if letter is not None:
        letters.send(letter, **said)
    return letter
