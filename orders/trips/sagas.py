"""The trip: a flight, a hotel and a payment that all happen, or none.

Reading order is running order, but the flight and the hotel are booked at the same time. Trips of version 1, which
booked one after the other, end on `earlier.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from orders.desk import input_checks
from orders.money import major_units, minor_units
from orders.participants import flight, hotel, payments, records
from orders.participants.minor_units import Minor
from orders.sagas import until_confirmed
from outbox import publish
from sagas import Awaits, InputChange, NotApplied, Retry, Saga, Stake, StatusChange, StepContext, UndoContext

from . import status
from .events import (
    FlightBooked,
    FlightCancelled,
    HotelBooked,
    HotelCancelled,
    TicketIssued,
    TripPaymentAuthorized,
    TripPaymentCaptured,
)
from .models import Trip

TRIP = "trip:"


@dataclass(frozen=True, slots=True)
class Journey:
    """A trip as it was accepted; the saga reads nothing else of the shop. Prices are in minor units."""

    trip_id: UUID
    trip_number: str
    email: str
    amount: Minor
    currency: str
    payment_method: str
    flight: str
    flight_price: Minor
    hotel: str
    arrives: date
    nights: int
    hotel_price: Minor
    """For all nights."""
    placed_at: datetime

    @property
    def key(self) -> str:
        """What the trip's messages are ordered by."""
        return f"{TRIP}{self.trip_id}"


def is_free(wish: Journey) -> bool:
    """Whether there is nothing to pay: then no bank is asked, whether it is there or not."""
    return not wish.amount


def declared(version: int) -> Saga[Journey]:
    """The saga in that version, without its steps."""
    return Saga[Journey](
        "trip",
        version=version,
        deadline=timedelta(minutes=30),
        admin_url=lambda wish: reverse("admin:trips_trip_change", args=[wish.trip_id]),
        record_url=lambda wish, participant: records.url_of(participant, wish.trip_number),
        stake=lambda wish: Stake(major_units(wish.amount, wish.currency), wish.currency),
        not_again="A trip is carried by one run, which its key names. Book a new trip for the customer.",
        label=lambda wish: wish.trip_number,
    )


trip = declared(version=2)


@trip.attributes
def found_by(wish: Journey) -> dict[str, str | Decimal | date]:
    """What operators find a trip's run by, beside its subject."""
    return {
        "customer": wish.email,
        "amount": major_units(wish.amount, wish.currency),
        "currency": wish.currency,
        "flight": wish.flight,
        "arrives": wish.arrives,
    }


@trip.validator
def as_booked(change: InputChange[Journey]) -> None:
    """What an operator gives the run is still this trip."""
    placed, given = Trip.objects.get(pk=change.key.removeprefix(TRIP)), change.after
    amounts = {
        "amount": (placed.total, given.amount),
        "flight_price": (placed.flight_price, given.flight_price),
        "hotel_price": (placed.stay_price, given.hotel_price),
    }
    names = ("flight", "hotel", "nights")
    input_checks.unchanged(
        "trip",
        {
            "trip_id": (placed.pk, given.trip_id),
            "trip_number": (placed.number, given.trip_number),
            "arrives": (placed.departs, given.arrives),
            **{name: (getattr(placed, name), getattr(given, name)) for name in names},
            **{
                name: (
                    input_checks.money(minor_units(kept, placed.currency), placed.currency),
                    input_checks.money(minor, given.currency),
                )
                for name, (kept, minor) in amounts.items()
            },
        },
    )


BEFORE_PIVOT = Retry(attempts=5, first=timedelta(milliseconds=500))
FOREVER = Retry.until_done(longest=timedelta(seconds=30))


@trip.step(participant="payments", timeout=timedelta(seconds=10), retry=BEFORE_PIVOT, unless=is_free)
def authorize_payment(ctx: StepContext[Journey]) -> payments.Authorization:
    """The bank holds the amount; nothing is charged. Where it wants the traveller to confirm, the step waits."""
    try:
        return payments.authorize(_payment(ctx.input), key=ctx.key, timeout=ctx.timeout)
    except payments.ActionRequired as wanted:
        told = Trip.objects.filter(pk=ctx.input.trip_id, action_url=wanted.action.url).exists()
        raise until_confirmed(wanted.action, told=told) from wanted


@authorize_payment.awaiting
def confirmation_awaited(ctx: StepContext[Journey], awaits: Awaits) -> None:
    if isinstance(awaits.detail, payments.Action):
        status.ask_to_confirm(ctx.input.trip_id, awaits.detail)


@authorize_payment.undo
def cancel_authorization(ctx: UndoContext[Journey, payments.Authorization]) -> None:
    """By the step's key: its answer may have been lost."""
    known = ctx.result.intent_id if ctx.result else ""
    payments.void(_payment(ctx.input), key=ctx.step_key, timeout=ctx.timeout, intent_id=known)


@authorize_payment.probe
def find_authorization(ctx: StepContext[Journey]) -> payments.Authorization | NotApplied:
    """What the bank says became of an authorisation whose answers were all lost."""
    return payments.find_authorization(_payment(ctx.input), key=ctx.key, timeout=ctx.timeout) or NotApplied()


@authorize_payment.expected()
def hold_as_owed(ctx: StepContext[Journey]) -> dict[str, object]:
    return {"amount": ctx.input.amount, "currency": ctx.input.currency}


@authorize_payment.validator
def hold_is_named(ctx: StepContext[Journey], held: payments.Authorization) -> None:
    input_checks.named("intent_id", held.intent_id)


@authorize_payment.recorded
def payment_authorized(ctx: StepContext[Journey], held: payments.Authorization) -> None:
    status.note_hold(ctx.input.trip_id, held.intent_id)
    fact = TripPaymentAuthorized(ctx.input.trip_id, held.intent_id, held.amount, held.currency)
    publish(fact, key=ctx.input.key)


@trip.step(participant="flight", timeout=timedelta(seconds=5), retry=BEFORE_PIVOT, after=[authorize_payment])
def book_flight(ctx: StepContext[Journey]) -> flight.Seat:
    """The airline keeps a seat."""
    wish = ctx.input
    return flight.book(wish.trip_number, wish.flight, wish.flight_price, key=ctx.key, timeout=ctx.timeout)


@book_flight.undo
def cancel_flight(ctx: UndoContext[Journey, flight.Seat]) -> None:
    flight.cancel(ctx.step_key, timeout=ctx.timeout)


@book_flight.recorded
def flight_booked(ctx: StepContext[Journey], seat: flight.Seat) -> None:
    publish(FlightBooked(ctx.input.trip_id, seat.key), key=ctx.input.key)


@book_flight.undone
def flight_cancelled(ctx: UndoContext[Journey, flight.Seat]) -> None:
    publish(FlightCancelled(ctx.input.trip_id), key=ctx.input.key)


@trip.step(participant="hotel", timeout=timedelta(seconds=5), retry=BEFORE_PIVOT, after=[authorize_payment])
def book_hotel(ctx: StepContext[Journey]) -> hotel.Room:
    """The hotel keeps a room."""
    wish = ctx.input
    stay = hotel.Stay(wish.hotel, wish.arrives, wish.nights, wish.hotel_price)
    return hotel.book(wish.trip_number, stay, key=ctx.key, timeout=ctx.timeout)


@book_hotel.undo
def cancel_hotel(ctx: UndoContext[Journey, hotel.Room]) -> None:
    hotel.cancel(ctx.step_key, timeout=ctx.timeout)


@book_hotel.recorded
def hotel_booked(ctx: StepContext[Journey], room: hotel.Room) -> None:
    publish(HotelBooked(ctx.input.trip_id, room.key, room.reference), key=ctx.input.key)


@book_hotel.undone
def hotel_cancelled(ctx: UndoContext[Journey, hotel.Room]) -> None:
    publish(HotelCancelled(ctx.input.trip_id), key=ctx.input.key)


@trip.pivot(
    participant="payments",
    timeout=timedelta(seconds=10),
    retry=Retry(attempts=4, first=timedelta(seconds=1), longest=timedelta(seconds=30)),
    unless=is_free,
)
def capture_payment(ctx: StepContext[Journey]) -> payments.Capture:
    """The card is charged: from here only forward. A hold that has expired is renewed first, where the bank does so."""
    intent = ctx.result_of(authorize_payment).intent_id
    try:
        return payments.capture(intent, key=ctx.key, timeout=ctx.timeout, renew=_payment(ctx.input))
    except payments.OtherAmount as other:
        status.note_other_charge(ctx.input.trip_id, other.intent_id, other.amount)
        raise


@capture_payment.probe
def find_capture(ctx: StepContext[Journey]) -> payments.Capture | NotApplied:
    """What the bank says became of a capture whose answer was lost."""
    intent = ctx.result_of(authorize_payment).intent_id
    return payments.find_capture(intent, timeout=ctx.timeout, renew=_payment(ctx.input)) or NotApplied()


@capture_payment.expected()
def charge_as_owed(ctx: StepContext[Journey]) -> dict[str, object]:
    return {"amount": ctx.input.amount}


@capture_payment.validator
def charge_is_named(ctx: StepContext[Journey], captured: payments.Capture) -> None:
    input_checks.named("intent_id", captured.intent_id)


@capture_payment.recorded
def payment_captured(ctx: StepContext[Journey], captured: payments.Capture) -> None:
    status.note_charge(ctx.input.trip_id, captured.intent_id, captured.amount)
    fact = TripPaymentCaptured(ctx.input.trip_id, captured.intent_id, captured.amount, ctx.input.currency)
    publish(fact, key=ctx.input.key)


@trip.step(participant="flight", timeout=timedelta(seconds=5), retry=FOREVER)
def issue_ticket(ctx: StepContext[Journey]) -> flight.Ticket:
    """The airline issues the ticket, which it takes back no more: hence after the payment."""
    return flight.issue_ticket(ctx.result_of(book_flight).key, key=ctx.key, timeout=ctx.timeout)


@issue_ticket.recorded
def ticket_issued(ctx: StepContext[Journey], ticket: flight.Ticket) -> None:
    publish(TicketIssued(ctx.input.trip_id, ticket.number), key=ctx.input.key)


@trip.step(local=True, retry=FOREVER)
def send_itinerary(ctx: StepContext[Journey]) -> None:
    """The trip is confirmed, and the event that its e-mail hangs on is written: one transaction, exactly once.

    Nothing is mailed before: a flight that is booked may still be cancelled, and mail cannot be unsent.
    """
    ticket, room = ctx.result_of(issue_ticket).number, ctx.result_of(book_hotel).reference
    status.confirm_trip(ctx.input.trip_id, ticket, room)


@trip.status_changed
def follow(change: StatusChange[Journey]) -> None:
    """The trip's own status follows its run's."""
    trip_id = UUID(change.key.removeprefix(TRIP))
    match change.resolution or change.after:
        case "running":
            status.mark_processing(trip_id)
        case "undoing":
            status.mark_cancelling(trip_id, change.code)
        case "compensated":
            status.mark_cancelled(trip_id, change.code)
        case "stuck":
            status.mark_needs_attention(trip_id, change.reason)
        case "completed" if change.resolution:
            status.confirm_trip(trip_id, "", "")


def _payment(wish: Journey) -> payments.PaymentRequest:
    return payments.PaymentRequest(
        order_number=wish.trip_number,
        amount=wish.amount,
        currency=wish.currency,
        payment_method=wish.payment_method,
        email=wish.email,
        thing="Trip",
        return_url=f"{settings.SITE_URL}{reverse('trip-returned', args=[wish.trip_id])}",
        begun=wish.placed_at,
    )
