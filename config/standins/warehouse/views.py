"""The warehouse over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ..common.company import Company, Key, Name, Reply, body_of, checked, explains, key_of
from . import reservations, shelves
from .models import Fault, Reservation, Stock

USUAL = {"reserve": "out_of_stock", "release": "already_committed", "commit": "released"}
WAREHOUSE = Company("warehouse", Fault, USUAL)


class Line(msgspec.Struct, frozen=True):
    sku: Name
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Wish(msgspec.Struct, frozen=True):
    order: Name
    lines: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=1000)]


class Haste(msgspec.Struct, frozen=True):
    within: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 0
    """Seconds."""


class Count(msgspec.Struct, frozen=True):
    on_hand: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


@require_POST
@explains
def reserve(request: HttpRequest) -> HttpResponse:
    """POST /reservations: 201 when it was made, 200 when this key had made it before."""
    key, wish = key_of(request), body_of(request, Wish)
    lines = msgspec.to_builtins(wish.lines)

    def work() -> Reply:
        row, made = reservations.reserve(key, wish.order, list(lines))
        return (201 if made else 200), row.as_json()

    return WAREHOUSE.answer(request, "reserve", wish.order, work)


@require_http_methods(["GET", "DELETE"])
@explains
def reservation(request: HttpRequest, key: str) -> HttpResponse:
    """GET and DELETE /reservations/<key>: find it, or release it."""
    checked(key, Key, "The key")
    operation, work = ("find", reservations.find) if request.method == "GET" else ("release", reservations.release)
    return WAREHOUSE.answer(request, operation, Reservation.order_of(key), lambda: (200, work(key).as_json()))


@require_POST
@explains
def commit(request: HttpRequest, key: str) -> HttpResponse:
    """POST /reservations/<key>/commit"""
    checked(key, Key, "The key")
    order = Reservation.order_of(key)
    return WAREHOUSE.answer(request, "commit", order, lambda: (200, reservations.commit(key).as_json()))


@require_POST
@explains
def expire(request: HttpRequest, key: str) -> HttpResponse:
    """POST /reservations/<key>/expire: its time is up now, or `within` so many seconds. For tests and people."""
    checked(key, Key, "The key")
    haste = body_of(request, Haste) if request.body else Haste()
    within = timedelta(seconds=haste.within)
    return WAREHOUSE.carried_out(lambda: (200, reservations.hasten(key, within).as_json()))


@require_GET
def stock(request: HttpRequest) -> HttpResponse:
    """GET /stock: how many pieces of each SKU can still be reserved."""

    def work() -> Reply:
        return 200, {"results": [{"sku": row.sku, "available": row.available} for row in Stock.objects.all()]}

    return WAREHOUSE.answer(request, "stock", "", work)


@require_http_methods(["PUT"])
@explains
def count(request: HttpRequest, sku: str) -> HttpResponse:
    """PUT /stock/<sku>: someone counted the pieces. It is for tests and people, so no fault hits it."""
    checked(sku, Name, "The SKU")
    wish = body_of(request, Count)

    def work() -> Reply:
        row = shelves.count(sku, wish.on_hand)
        return 200, {"sku": row.sku, "on_hand": row.on_hand, "available": row.available}

    return WAREHOUSE.carried_out(work)
