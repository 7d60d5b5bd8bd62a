"""The carrier: a parcel is booked under our key, cancelled, or sent on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings

from . import http
from .reading import Said

CARRIER = "carrier"
SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Booking:
    """A place for a parcel. `status` is booked, cancelled, picked_up (early) or dispatched."""

    key: str
    label: str
    status: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel on its way."""

    key: str
    tracking: str


def book(order: str, *, key: str, timeout: timedelta) -> Booking:
    """Have a label made. Raises Refused with the carrier's code, such as `address_refused` or `no_capacity`."""
    return _booking(_call("POST", "/bookings", key=key, timeout=timeout, body={"order": order}))


def cancel(key: str, *, timeout: timedelta) -> None:
    """Cancel what was booked by this key. Nothing there is fine, and a booking that arrives later is refused.

    Raises Refused("too_late"), with the parcel's number, when it was picked up: only people can call it back.
    """
    _call("DELETE", _path(key), timeout=timeout)


def dispatch(booking: str, *, timeout: timedelta, key: str = "") -> Parcel:
    """Send the parcel; asking twice sends it once. Raises Refused when the booking was cancelled or never made."""
    body = _call("POST", f"{_path(booking)}/dispatch", key=key, timeout=timeout)
    return Parcel(body.text("key"), body.text("tracking"))


def find(key: str, *, timeout: timedelta = SOON) -> Booking | None:
    """What became of `book` with this key; None when the carrier never heard of it."""
    answer = http.call(CARRIER, "GET", f"{settings.CARRIER_URL}{_path(key)}", timeout=timeout)
    return None if answer.status == 404 else _booking(Said(CARRIER, answer.accepted()))


def _call(method: str, path: str, *, timeout: timedelta, key: str = "", body: dict[str, Any] | None = None) -> Said:
    url = f"{settings.CARRIER_URL}{path}"
    return Said(CARRIER, http.call(CARRIER, method, url, key=key, timeout=timeout, body=body).accepted())


def _path(key: str) -> str:
    return f"/bookings/{quote(key, safe='')}"


def _booking(body: Said) -> Booking:
    return Booking(body.text("key"), body.text("label"), body.text("status"))


@dataclass(frozen=True, slots=True)
class Recall:
    """What became of a parcel that was wanted back. `status` is stopped or on_its_way."""

    tracking: str
    status: str


def recall(tracking: str, *, key: str, timeout: timedelta) -> Recall:
    """Have a parcel stopped, which works while it is at the depot: that it is not is an answer, and no refusal.

    Raises Refused("unknown") for a parcel that the carrier never sent.
    """
    body = _call("POST", f"/parcels/{quote(tracking, safe='')}/recall", key=key, timeout=timeout)
    return Recall(body.text("tracking"), body.text("status"))


def undo_recall(tracking: str, *, key: str, timeout: timedelta) -> None:
    """Let the parcel go on after all, by the recall's key. Nothing there is fine; a recall that comes later is
    refused."""
    _call("DELETE", f"/parcels/{quote(tracking, safe='')}/recall", key=key, timeout=timeout)
