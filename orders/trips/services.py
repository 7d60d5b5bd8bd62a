"""What a traveller can do with a trip: place it, cancel it. Neither asks another company anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Set
from dataclasses import dataclass

from django.db import transaction

from orders import story
from orders.errors import InvalidOrder, KeyReused, OrderChanged
from orders.money import figure, minor_units, why_not
from orders.placing import idempotency
from outbox import publish
from outbox.messages import causation
from sagas import TooLate
from sagas.models import Run

from .events import TripPlaced
from .models import FlightOffer, HotelOffer, Trip
from .sagas import Journey, trip
from .status import lock_trip, mark_cancelling
from .validation import PlaceTrip

GOING_BACK = (Trip.Status.CANCELLING, Trip.Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Placed:
    """The trip, and whether this very call created it."""

    trip: Trip
    created: bool


def place_trip(request: PlaceTrip, *, idempotency_key: str, wait: bool = True) -> Placed:
    """Accept a trip at the prices last heard: trip, saga and event in one transaction.

    The same key and request give the same trip; while the first of them is under way, `wait` and KeyInUse are those of
    `idempotency.once`. What is left is not looked at: only the companies know. Raises InvalidOrder for what is not on
    offer, or not at the price that was shown, and KeyReused when the key belongs to another request.
    """
    fingerprint = hash_of(request)
    placed = idempotency.once(
        "trip",
        idempotency_key,
        find=lambda: find_by_key(idempotency_key, fingerprint),
        make=lambda: create_trip(request, idempotency_key, fingerprint),
        wait=wait,
    )
    return Placed(*placed)


def cancel_trip(placed: Trip, *, seen: Set[int] | None = None) -> bool:
    """Have the trip undone. False when it is too late: paid, or being paid, or on an operator's desk.

    `seen`: versions of the trip that the traveller may have decided on; None for any. Raises OrderChanged, and cancels
    nothing, when the trip could be cancelled but is at another version by now.
    """
    with transaction.atomic():
        Run.objects.select_for_update().filter(name=trip.name, key=placed.saga_key).first()  # it comes before the trip
        current = lock_trip(placed.pk)
        if current.status in GOING_BACK:
            return True
        try:
            trip.cancel(placed.saga_key, reason="The traveller cancelled the trip.", actor="customer")
        except TooLate:
            return False
        except Run.DoesNotExist:  # it ended long ago, and its run was pruned
            return False
        if seen is not None and current.version not in seen:
            raise OrderChanged(current.number, "trip")
        mark_cancelling(placed.pk, "cancelled")
        return True


def hash_of(request: PlaceTrip) -> str:
    """The same for requests that ask for the same, at the same price where they name one."""
    seen = [] if request.total is None else [figure(request.total)]
    seen += filter(None, [request.currency])
    wish = [request.email, request.payment_method, request.flight, request.hotel, request.nights, *seen]
    return hashlib.sha256(json.dumps(wish).encode()).hexdigest()


def find_by_key(idempotency_key: str, fingerprint: str) -> Trip | None:
    """The trip that this key made; KeyReused when another request made it."""
    found = Trip.objects.filter(idempotency_key=idempotency_key).first()
    if found and found.request_hash != fingerprint:
        raise KeyReused
    return found


def create_trip(request: PlaceTrip, idempotency_key: str, fingerprint: str) -> Trip:
    """All that must exist together when a trip is accepted, in the caller's transaction."""
    flight, hotel = find_offers(request)
    total = flight.price + request.nights * hotel.price
    if request.total not in (None, total) or request.currency not in ("", flight.currency):
        raise InvalidOrder({"total": [f"The price has changed to {total} {flight.currency}. Nothing was booked."]})
    if no := why_not(total, flight.currency):
        raise InvalidOrder({"total": [f"{no} Nothing was booked."]})
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
    amount = minor_units(placed.total, placed.currency)
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
        flight_price=minor_units(placed.flight_price, placed.currency),
        hotel=placed.hotel,
        arrives=placed.departs,
        nights=placed.nights,
        hotel_price=minor_units(placed.night_price, placed.currency) * placed.nights,
        placed_at=placed.created_at,
    )
    worth = f"{figure(placed.total)} {placed.currency}"
    story.tell("trip.placed", trip=placed.number, id=str(placed.pk), total=worth)
    with causation.use(str(message)):
        trip.start(wish, key=placed.saga_key, subject=f"{placed.number} {placed.email}")
