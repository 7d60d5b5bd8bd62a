"""The airline over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ..common.company import Company, Key, Name, Reply, body_of, checked, explains, key_of
from . import bookings
from .models import Booking, Fault, Flight

USUAL = {"book": "no_seats", "cancel": "too_late", "ticket": "cancelled"}
AIRLINE = Company("flight", Fault, USUAL)
Price = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
"""Minor units of the currency."""


class Wish(msgspec.Struct, frozen=True):
    order: Name
    flight: Name
    price: Price


class Change(msgspec.Struct, frozen=True):
    left: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    price: Price | None = None


@require_POST
@explains
def book(request: HttpRequest) -> HttpResponse:
    """POST /bookings: 201 when it was made, 200 when this key had made it before."""
    key, wish = key_of(request), body_of(request, Wish)

    def work() -> Reply:
        row, made = bookings.book(key, wish.order, wish.flight, wish.price)
        return (201 if made else 200), row.as_json()

    return AIRLINE.answer(request, "book", wish.order, work)


@require_http_methods(["GET", "DELETE"])
@explains
def booking(request: HttpRequest, key: str) -> HttpResponse:
    """GET and DELETE /bookings/<key>: find it, or cancel it."""
    checked(key, Key, "The key")
    operation, work = ("find", bookings.find) if request.method == "GET" else ("cancel", bookings.cancel)
    return AIRLINE.answer(request, operation, Booking.order_of(key), lambda: (200, work(key).as_json()))


@require_POST
@explains
def ticket(request: HttpRequest, key: str) -> HttpResponse:
    """POST /bookings/<key>/ticket"""
    checked(key, Key, "The key")
    order = Booking.order_of(key)
    return AIRLINE.answer(request, "ticket", order, lambda: (200, bookings.issue(key).as_json()))


@require_GET
def flights(request: HttpRequest) -> HttpResponse:
    """GET /flights: those from today on, each with its price and the seats that are left."""

    def work() -> Reply:
        coming = Flight.objects.filter(departs__gte=timezone.now().date())
        return 200, {"results": [flight.as_json() for flight in coming]}

    return AIRLINE.answer(request, "flights", "", work)


@require_http_methods(["PUT"])
@explains
def flight(request: HttpRequest, code: str) -> HttpResponse:
    """PUT /flights/<code> `{"left": seats, "price": minor units}`. For tests and people, so no fault hits it."""
    checked(code, Name, "The code")
    wish = body_of(request, Change)
    return AIRLINE.carried_out(lambda: (200, bookings.change(code, left=wish.left, price=wish.price).as_json()))
