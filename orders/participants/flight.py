"""The airline: a seat is booked under our key, given back, or turned into a ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings

from . import http
from .reading import Said

FLIGHT = "flight"
SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Offer:
    """A flight on sale. `price` is one seat's, in minor units; `left` is how many seats can still be booked."""

    code: str
    name: str
    city: str
    departs: date
    price: int
    currency: str
    left: int


@dataclass(frozen=True, slots=True)
class Seat:
    """A booked seat. `status` is booked, cancelled or ticketed."""

    key: str
    status: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A seat that can be flown, and not be cancelled any more."""

    key: str
    number: str


def offers(*, timeout: timedelta = SOON) -> list[Offer]:
    """The flights to come."""
    return [_offer(row) for row in _call("GET", "/flights", timeout=timeout).rows("results")]


def book(order: str, flight: str, price: int, *, key: str, timeout: timedelta) -> Seat:
    """Book a seat at that price, in minor units.

    Raises Refused with `no_seats`, `unknown_flight` or `price_changed`.
    """
    wish = {"order": order, "flight": flight, "price": price}
    return _seat(_call("POST", "/bookings", key=key, timeout=timeout, body=wish))


def cancel(key: str, *, timeout: timedelta) -> None:
    """Give back what was booked by this key. Nothing there is fine, and a booking that arrives later is refused.

    Raises Refused("too_late") when the ticket is issued.
    """
    _call("DELETE", _path(key), timeout=timeout)


def issue_ticket(booking: str, *, timeout: timedelta, key: str = "") -> Ticket:
    """Have the ticket issued; asking twice issues one. Raises Refused when the booking was cancelled or never made."""
    body = _call("POST", f"{_path(booking)}/ticket", key=key, timeout=timeout)
    return Ticket(body.text("key"), body.text("ticket"))


def find(key: str, *, timeout: timedelta = SOON) -> Seat | None:
    """What became of `book` with this key; None when the airline never heard of it."""
    answer = http.call(FLIGHT, "GET", f"{settings.FLIGHT_URL}{_path(key)}", timeout=timeout)
    return None if answer.status == 404 else _seat(Said(FLIGHT, answer.accepted()))


def _call(method: str, path: str, *, timeout: timedelta, key: str = "", body: dict[str, Any] | None = None) -> Said:
    url = f"{settings.FLIGHT_URL}{path}"
    return Said(FLIGHT, http.call(FLIGHT, method, url, key=key, timeout=timeout, body=body).accepted())


def _path(key: str) -> str:
    return f"/bookings/{quote(key, safe='')}"


def _seat(body: Said) -> Seat:
    return Seat(body.text("key"), body.text("status"))


def _offer(row: Said) -> Offer:
    return Offer(
        code=row.text("code"),
        name=row.text("name"),
        city=row.text("city"),
        departs=row.day("departs"),
        price=row.number("price"),
        currency=row.text("currency"),
        left=row.number("left"),
    )
