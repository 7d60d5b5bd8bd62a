"""The facts that are published of trips. Amounts are in minor units (cents); `key` of each message is `trip:<id>`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbox import event


@event("trips.trip_placed", version=1)
@dataclass(frozen=True)
class TripPlaced:
    """A traveller's wish was accepted; from here it is carried."""

    trip_id: UUID
    number: str
    email: str
    amount: int
    currency: str


@event("trips.payment_action_required", version=1)
@dataclass(frozen=True)
class TripPaymentActionRequired:
    """The bank wants the traveller to confirm the payment at `url`, until `until`; nothing is held before."""

    trip_id: UUID
    number: str
    email: str
    url: str
    until: datetime


@event("trips.payment_authorized", version=1)
@dataclass(frozen=True)
class TripPaymentAuthorized:
    """The bank holds the amount; nothing is charged yet."""

    trip_id: UUID
    payment_intent: str
    amount: int
    currency: str


@event("trips.flight_booked", version=1)
@dataclass(frozen=True)
class FlightBooked:
    """The airline keeps a seat. It may still be given back: nobody is told before the trip is paid."""

    trip_id: UUID
    booking: str


@event("trips.flight_cancelled", version=1)
@dataclass(frozen=True)
class FlightCancelled:
    """The airline has its seat back, or was told never to give it."""

    trip_id: UUID


@event("trips.hotel_booked", version=1)
@dataclass(frozen=True)
class HotelBooked:
    """The hotel keeps a room."""

    trip_id: UUID
    booking: str
    reference: str


@event("trips.hotel_cancelled", version=1)
@dataclass(frozen=True)
class HotelCancelled:
    """The hotel has its room back, or was told never to give it."""

    trip_id: UUID


@event("trips.payment_captured", version=1)
@dataclass(frozen=True)
class TripPaymentCaptured:
    """The card was charged: the point of no return."""

    trip_id: UUID
    payment_intent: str
    amount: int
    currency: str


@event("trips.ticket_issued", version=1)
@dataclass(frozen=True)
class TicketIssued:
    """The airline has issued the ticket."""

    trip_id: UUID
    ticket: str


@event("trips.trip_confirmed", version=1)
@dataclass(frozen=True)
class TripConfirmed:
    """The trip is booked and paid."""

    trip_id: UUID
    number: str
    email: str
    amount: int
    currency: str
    ticket: str


@event("trips.trip_cancelled", version=1)
@dataclass(frozen=True)
class TripCancelled:
    """All was undone; the card was never charged. `reason` is a code, put in words by `trips.wording`."""

    trip_id: UUID
    number: str
    email: str
    reason: str


@event("trips.trip_needs_attention", version=1)
@dataclass(frozen=True)
class TripNeedsAttention:
    """Nothing goes on by itself; an operator has to decide."""

    trip_id: UUID
    number: str
    why: str
