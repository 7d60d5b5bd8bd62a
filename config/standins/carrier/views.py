"""The carrier over HTTP."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from ..common.company import Company, Key, Name, Reply, body_of, checked, explains, key_of
from . import bookings
from .models import Booking, Fault

USUAL = {"book": "cannot_ship", "cancel": "too_late", "dispatch": "cannot_ship"}
CARRIER = Company("carrier", Fault, USUAL)


class Wish(msgspec.Struct, frozen=True):
    order: Name


@require_POST
@explains
def book(request: HttpRequest) -> HttpResponse:
    """POST /bookings: 201 when it was made, 200 when this key had made it before."""
    key, wish = key_of(request), body_of(request, Wish)

    def work() -> Reply:
        row, made = bookings.book(key, wish.order)
        return (201 if made else 200), row.as_json()

    return CARRIER.answer(request, "book", wish.order, work)


@require_http_methods(["GET", "DELETE"])
@explains
def booking(request: HttpRequest, key: str) -> HttpResponse:
    """GET and DELETE /bookings/<key>: find it, or cancel it."""
    checked(key, Key, "The key")
    operation, work = ("find", bookings.find) if request.method == "GET" else ("cancel", bookings.cancel)
    return CARRIER.answer(request, operation, Booking.order_of(key), lambda: (200, work(key).as_json()))


@require_POST
@explains
def dispatch(request: HttpRequest, key: str) -> HttpResponse:
    """POST /bookings/<key>/dispatch"""
    checked(key, Key, "The key")
    order = Booking.order_of(key)
    return CARRIER.answer(request, "dispatch", order, lambda: (200, bookings.dispatch(key).as_json()))


@require_POST
@explains
def pick_up(request: HttpRequest, key: str) -> HttpResponse:
    """POST /bookings/<key>/pickup: a driver comes early. It is for tests and people, so no fault hits it."""
    checked(key, Key, "The key")
    return CARRIER.carried_out(lambda: (200, bookings.pick_up(key).as_json()))
