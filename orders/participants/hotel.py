"""The hotels: a room is booked for some nights under our key, or given back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings

from . import http
from .reading import Said

HOTEL = "hotel"
SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Offer:
    """A house. `price` is one room's for one night, in minor units."""

    code: str
    name: str
    city: str
    price: int
    currency: str
    left: dict[date, int]
    """How many rooms can still be booked, by night."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A room for so many nights. `price` is in minor units, for all of them."""

    hotel: str
    arrives: date
    nights: int
    price: int


@dataclass(frozen=True, slots=True)
class Room:
    """A booked room. `reference` is what the guest says at the desk; `status` is booked or cancelled."""

    key: str
    reference: str
    status: str


def offers(*, timeout: timedelta = SOON) -> list[Offer]:
    """The houses, with their rooms in the nights to come."""
    return [_offer(row) for row in _call("GET", "/hotels", timeout=timeout).rows("results")]


def book(order: str, stay: Stay, *, key: str, timeout: timedelta) -> Room:
    """Book a room for all nights, or none. Raises Refused with `no_rooms`, `unknown_hotel` or `price_changed`."""
    wish = {
        "order": order,
        "hotel": stay.hotel,
        "arrives": stay.arrives.isoformat(),
        "nights": stay.nights,
        "price": stay.price,
    }
    return _room(_call("POST", "/bookings", key=key, timeout=timeout, body=wish))


def cancel(key: str, *, timeout: timedelta) -> None:
    """Give back what was booked by this key. Nothing there is fine, and a booking that arrives later is refused."""
    _call("DELETE", _path(key), timeout=timeout)


def find(key: str, *, timeout: timedelta = SOON) -> Room | None:
    """What became of `book` with this key; None when the hotels never heard of it."""
    answer = http.call(HOTEL, "GET", f"{settings.HOTEL_URL}{_path(key)}", timeout=timeout)
    return None if answer.status == 404 else _room(Said(HOTEL, answer.accepted()))


def _call(method: str, path: str, *, timeout: timedelta, key: str = "", body: dict[str, Any] | None = None) -> Said:
    url = f"{settings.HOTEL_URL}{path}"
    return Said(HOTEL, http.call(HOTEL, method, url, key=key, timeout=timeout, body=body).accepted())


def _path(key: str) -> str:
    return f"/bookings/{quote(key, safe='')}"


def _room(body: Said) -> Room:
    return Room(body.text("key"), body.text("reference"), body.text("status"))


def _offer(row: Said) -> Offer:
    return Offer(
        code=row.text("code"),
        name=row.text("name"),
        city=row.text("city"),
        price=row.number("price"),
        currency=row.text("currency"),
        left={night.day("night"): night.number("left") for night in row.rows("nights")},
    )
