"""Trips in JSON. Every refusal is `{"errors": {field: [message]}}`."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from orders.answers import refusal
from orders.api import decode, endpoint, idempotency_key

from . import offers, wording
from .models import FlightOffer, HotelOffer, Trip
from .services import cancel_trip, place_trip
from .timeline import run_of
from .validation import parse_trip
from .views import TOO_LATE

MISSING = {"trip": ["There is no such trip."]}


@endpoint("GET")
def offers_now(request: HttpRequest) -> JsonResponse:
    """GET /api/trips/offers: the flights and hotels as the companies last described them."""
    offers.refresh_if_old()
    flights = [flight_json(one) for one in FlightOffer.objects.all()]
    return JsonResponse({"flights": flights, "hotels": [hotel_json(one) for one in HotelOffer.objects.all()]})


@endpoint("POST")
def trips(request: HttpRequest) -> JsonResponse:
    """POST /api/trips: 201 for a new trip, 200 when this key and body made it before."""
    key = idempotency_key(request)
    placed = place_trip(parse_trip(decode(request)), idempotency_key=key)
    where = reverse("api-trip", args=[placed.trip.pk])
    return JsonResponse(trip_json(placed.trip), status=201 if placed.created else 200, headers={"Location": where})


@endpoint("GET")
def trip(request: HttpRequest, trip_id: UUID) -> JsonResponse:
    """GET /api/trips/<id>."""
    found = Trip.objects.filter(pk=trip_id).first()
    return JsonResponse(trip_json(found)) if found else refusal(404, MISSING)


@endpoint("POST")
def cancel(request: HttpRequest, trip_id: UUID) -> JsonResponse:
    """POST /api/trips/<id>/cancel: 200 when the trip is, or is being, cancelled; 409 when it is too late."""
    found = Trip.objects.filter(pk=trip_id).first()
    if found is None:
        return refusal(404, MISSING)
    accepted = cancel_trip(found)
    found.refresh_from_db()
    if accepted:
        return JsonResponse(trip_json(found))
    return JsonResponse({"errors": {"trip": [TOO_LATE]}, "trip": trip_json(found)}, status=409)


def trip_json(trip: Trip) -> dict[str, object]:
    """`status` is one of `Trip.Status`; `reason` says in words why it is cancelled; `total` is a decimal in text."""
    run = run_of(trip)
    steps = run.steps.all() if run else ()
    return {
        "id": str(trip.pk),
        "number": trip.number,
        "status": trip.status,
        "reason": wording.traveller_reason(trip),
        "flight": trip.flight,
        "hotel": trip.hotel,
        "departs": trip.departs.isoformat(),
        "nights": trip.nights,
        "ticket": trip.ticket,
        "room": trip.room,
        "total": str(trip.total),
        "currency": trip.currency,
        "steps": [{"name": step.name, "status": step.status, "attempts": step.attempts} for step in steps],
    }


def flight_json(offer: FlightOffer) -> dict[str, object]:
    """`price` is a decimal in text, for one seat."""
    names = ("code", "name", "city", "currency", "left")
    shown: dict[str, object] = {name: getattr(offer, name) for name in names}
    return shown | {"departs": offer.departs.isoformat(), "price": str(offer.price)}


def hotel_json(offer: HotelOffer) -> dict[str, object]:
    """`price` is a decimal in text, for one night; `left` is rooms by night."""
    shown: dict[str, object] = {name: getattr(offer, name) for name in ("code", "name", "city", "currency", "left")}
    return shown | {"price": str(offer.price)}
