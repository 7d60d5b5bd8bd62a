"""The hotels over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ..common.company import Company, Key, Name, Reply, body_of, checked, explains, key_of
from . import bookings
from .models import Booking, Fault, Hotel, Night

USUAL = {"book": "no_rooms", "cancel": "too_late"}
HOTELS = Company("hotel", Fault, USUAL)
Price = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
"""Minor units of the currency."""


class Wish(msgspec.Struct, frozen=True):
    order: Name
    hotel: Name
    arrives: date
    nights: Annotated[int, msgspec.Meta(ge=1, le=30)]
    price: Price


class Change(msgspec.Struct, frozen=True):
    left: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    night: date | None = None
    price: Price | None = None


@require_POST
@explains
def book(request: HttpRequest) -> HttpResponse:
    """POST /bookings: 201 when it was made, 200 when this key had made it before."""
    key, wish = key_of(request), body_of(request, Wish)
    stay = bookings.Stay(wish.hotel, wish.arrives, wish.nights, wish.price)

    def work() -> Reply:
        row, made = bookings.book(key, wish.order, stay)
        return (201 if made else 200), row.as_json()

    return HOTELS.answer(request, "book", wish.order, work)


@require_http_methods(["GET", "DELETE"])
@explains
def booking(request: HttpRequest, key: str) -> HttpResponse:
    """GET and DELETE /bookings/<key>: find it, or cancel it."""
    checked(key, Key, "The key")
    operation, work = ("find", bookings.find) if request.method == "GET" else ("cancel", bookings.cancel)
    return HOTELS.answer(request, operation, Booking.order_of(key), lambda: (200, work(key).as_json()))


@require_GET
def hotels(request: HttpRequest) -> HttpResponse:
    """GET /hotels: each with its price, and the rooms that are left in the nights from today on."""

    def work() -> Reply:
        coming = list(Night.objects.filter(night__gte=timezone.now().date()).order_by("night"))
        theirs = {house: [night for night in coming if night.hotel == house.code] for house in Hotel.objects.all()}
        return 200, {"results": [house.as_json(nights) for house, nights in theirs.items()]}

    return HOTELS.answer(request, "hotels", "", work)


@require_http_methods(["PUT"])
@explains
def hotel(request: HttpRequest, code: str) -> HttpResponse:
    """PUT /hotels/<code> `{"left": rooms, "night": "2027-01-01", "price": minor units}`; without a night, all nights.

    For tests and people, so no fault hits it.
    """
    checked(code, Name, "The code")
    wish = body_of(request, Change)

    def work() -> Reply:
        changed = bookings.change(code, left=wish.left, price=wish.price, night=wish.night)
        return 200, changed.as_json(list(Night.objects.filter(hotel=code).order_by("night")))

    return HOTELS.carried_out(work)
