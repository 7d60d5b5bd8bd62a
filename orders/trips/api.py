"""Trips in JSON. Every refusal is `{"errors": {field: [message]}}`."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from orders.api.requests import decode, endpoint, idempotency_key
from orders.api.responses import changed, condition, made, refusal, shown, tagged
from orders.errors import NotFound, OrderChanged
from orders.presentation import turn
from sagas.presentation.branch_steps import steps_of
from sagas.presentation.queue import waits_since

from . import offers, wording
from .models import FlightOffer, HotelOffer, Trip
from .services import cancel_trip, place_trip
from .timeline import run_of
from .validation import parse_trip
from .views import TOO_LATE


@endpoint("GET")
def offers_now(request: HttpRequest) -> JsonResponse:
    """GET /api/trips/offers: the flights and hotels as the companies last described them."""
    offers.refresh_if_old()
    flights = [flight_json(one) for one in FlightOffer.objects.all()]
    return JsonResponse({"flights": flights, "hotels": [hotel_json(one) for one in HotelOffer.objects.all()]})


@endpoint("POST")
def trips(request: HttpRequest) -> JsonResponse:
    """POST /api/trips: 201 with the trip, as it is now, also when this key and body made it before;
    Idempotent-Replayed then says so. 409 while the first request with this key is under way; 422 when the key came
    with another body."""
    key = idempotency_key(request)
    placed = place_trip(parse_trip(decode(request)), idempotency_key=key, wait=False)
    return made(trip_json(placed.trip), address(placed.trip), created=placed.created)


@endpoint("GET")
def trip(request: HttpRequest, trip_id: str) -> HttpResponse:
    """GET /api/trips/<id>: with an ETag. 304 when it is what If-None-Match names; 412 when it is not what If-Match
    names."""
    return shown(request, trip_json(find(trip_id)), "trip")


@endpoint("POST")
def cancel(request: HttpRequest, trip_id: str) -> JsonResponse:
    """POST /api/trips/<id>/cancel: 200 when the trip is, or is being, cancelled; 409 when it is too late; 412 when it
    is not, and the trip is not at a version that If-Match names."""
    placed, must = find(trip_id), condition(request, "If-Match")
    try:
        accepted = cancel_trip(placed, seen=None if must is None else must.versions())
    except OrderChanged:
        if must is None:
            raise
        return changed(trip_json(find(trip_id)), "trip")
    body = trip_json(find(trip_id))
    if accepted:
        return tagged(body, 200, {"Content-Location": address(placed)})
    return refusal(409, {"trip": [TOO_LATE]}, trip=body)


def find(trip_id: str) -> Trip:
    """The trip. Raises NotFound; an id that is no UUID names no trip."""
    try:
        return Trip.objects.get(pk=UUID(trip_id))
    except (ValueError, Trip.DoesNotExist):
        raise NotFound("trip") from None


def address(trip: Trip) -> str:
    """Where the trip is."""
    return reverse("api-trip", args=[trip.pk])


def trip_json(trip: Trip) -> dict[str, object]:
    """`status` is one of `Trip.Status`; `reason` says in words why it is cancelled; `total` is a decimal in text.

    `action_url` is where the traveller confirms the payment, empty while the bank does not ask for that. `queue` says
    how many are ahead of a trip that has to wait for its turn; null for all others.
    """
    run = run_of(trip)
    steps = steps_of(run)[0] if run else ()
    return {
        "id": str(trip.pk),
        "number": trip.number,
        "version": trip.version,
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
        "action_url": trip.action_url,
        "queue": turn.as_json(waits_since(run) if run else None),
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
