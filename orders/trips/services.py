"""What a traveller can do with a trip: place it, cancel it. Neither asks another company anything."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from orders.errors import InvalidOrder, KeyReused
from orders.money import minor_units
from orders.services import violates
from outbox import cause, publish
from sagas import TooLate
from sagas.models import Run

from .events import TripPlaced
from .models import FlightOffer, HotelOffer, Trip
from .sagas import Journey, trip
from .status import mark_cancelling
from .validation import PlaceTrip

ONCE_PER_KEY = "trip_once_per_idempotency_key"


@dataclass(frozen=True, slots=True)
class Placed:
    """The trip, and whether this very call created it."""

    trip: Trip
    created: bool


def place_trip(request: PlaceTrip, *, idempotency_key: str) -> Placed:
    """Accept a trip at the prices last heard: trip, saga and event in one transaction.

    The same key and request give the same trip, also when they arrive at the same time. What is left is not looked
    at: only the companies know. Raises InvalidOrder for what is not on offer, or not at the price that was shown, and
    KeyReused when the key belongs to another request.
    """
    fingerprint = hash_of(request)
    existing = find_by_key(idempotency_key, fingerprint)
    if existing:
        return Placed(existing, created=False)
    try:
        return Placed(create_trip(request, idempotency_key, fingerprint), created=True)
    except IntegrityError as error:
        existing = find_by_key(idempotency_key, fingerprint) if violates(error, ONCE_PER_KEY) else None
        if existing is None:
            raise
        return Placed(existing, created=False)


def cancel_trip(placed: Trip) -> bool:
    """Have the trip undone. False when it is too late: paid, or being paid, or on an operator's desk."""
    with transaction.atomic():
        try:
            trip.cancel(placed.saga_key, reason="The traveller cancelled the trip.", actor="customer")
        except TooLate:
            return False
        except Run.DoesNotExist:  # it ended long ago, and its run was pruned
            return placed.status == Trip.Status.CANCELLED
        mark_cancelling(placed.pk, "cancelled")
        return True


def hash_of(request: PlaceTrip) -> str:
    """The same for requests that ask for the same."""
    wish = [request.email, request.payment_method, request.flight, request.hotel, request.nights]
    return hashlib.sha256(json.dumps(wish).encode()).hexdigest()


def find_by_key(idempotency_key: str, fingerprint: str) -> Trip | None:
    """The trip that this key made; KeyReused when another request made it."""
    found = Trip.objects.filter(idempotency_key=idempotency_key).first() if idempotency_key else None
    if found and found.request_hash != fingerprint:
        raise KeyReused
    return found


@transaction.atomic
def create_trip(request: PlaceTrip, idempotency_key: str, fingerprint: str) -> Trip:
    """All that must exist together when a trip is accepted."""
    flight, hotel = find_offers(request)
    total = flight.price + request.nights * hotel.price
    if request.total not in (None, total):
        raise InvalidOrder({"total": [f"The price has changed to {total} {flight.currency}. Nothing was booked."]})
    placed = Trip.objects.create(
        email=request.email,
        payment_method=request.payment_method,
        city=flight.city,
        flight=flight.code,
        flight_name=flight.name,
        flight_price=flight.price,
        departs=flight.departs,
        hotel=hotel.code,
        hotel_name=hotel.name,
        night_price=hotel.price,
        nights=request.nights,
        total=total,
        currency=flight.currency,
        idempotency_key=idempotency_key,
        request_hash=fingerprint,
    )
    start_saga(placed)
    return placed


def find_offers(request: PlaceTrip) -> tuple[FlightOffer, HotelOffer]:
    """The flight and the hotel. Raises InvalidOrder when one is not on offer, or they do not go together."""
    flight = FlightOffer.objects.filter(code=request.flight).first()
    hotel = HotelOffer.objects.filter(code=request.hotel).first()
    if flight is None:
        raise InvalidOrder({"flight": ["This flight is not on offer any more. Choose another."]})
    if hotel is None:
        raise InvalidOrder({"hotel": ["This hotel is not on offer any more. Choose another."]})
    if hotel.city != flight.city:
        raise InvalidOrder({"hotel": [f"The flight goes to {flight.city}, and this hotel is in {hotel.city}."]})
    if hotel.currency != flight.currency:
        raise InvalidOrder({"hotel": [f"Choose a hotel that is paid in {flight.currency}, as the flight is."]})
    return flight, hotel


def start_saga(placed: Trip) -> None:
    """Say that the trip was placed, and start the saga that carries it."""
    amount = minor_units(placed.total)
    fact = TripPlaced(placed.pk, placed.number, placed.email, amount, placed.currency)
    message = publish(fact, key=placed.saga_key)
    wish = Journey(
        trip_id=placed.pk,
        trip_number=placed.number,
        email=placed.email,
        amount=amount,
        currency=placed.currency,
        payment_method=placed.payment_method,
        flight=placed.flight,
        flight_price=minor_units(placed.flight_price),
        hotel=placed.hotel,
        arrives=placed.departs,
        nights=placed.nights,
        hotel_price=minor_units(placed.night_price) * placed.nights,
        placed_at=placed.created_at,
    )
    with cause.use(str(message)):
        trip.start(wish, key=placed.saga_key, subject=f"{placed.number} {placed.email}")
