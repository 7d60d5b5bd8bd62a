"""The warehouse: goods are put aside under our key, given back, or taken out for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings

from . import http
from .reading import Said

WAREHOUSE = "warehouse"
SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Goods put aside. `status` is reserved, released or committed."""

    key: str
    status: str
    lines: tuple[tuple[str, int], ...]
    """SKU and quantity."""


def reserve(order: str, lines: Sequence[tuple[str, int]], *, key: str, timeout: timedelta) -> Reservation:
    """Put all lines aside, or none. Raises Refused with `out_of_stock` or `unknown_sku`."""
    body = {"order": order, "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
    return _reservation(_call("POST", "/reservations", key=key, timeout=timeout, body=body))


def release(key: str, *, timeout: timedelta) -> None:
    """Give back what was reserved by this key. Nothing there is fine, and a reserve that arrives later is refused.

    Raises Refused("already_committed") when the goods have left.
    """
    _call("DELETE", _path(key), timeout=timeout)


def commit(reservation: str, *, timeout: timedelta, key: str = "") -> Reservation:
    """Take the reserved goods out of the stock; twice is the same as once. Raises Refused when they were released."""
    return _reservation(_call("POST", f"{_path(reservation)}/commit", key=key, timeout=timeout))


def find(key: str, *, timeout: timedelta = SOON) -> Reservation | None:
    """What became of `reserve` with this key; None when the warehouse never heard of it."""
    answer = http.call(WAREHOUSE, "GET", f"{settings.WAREHOUSE_URL}{_path(key)}", timeout=timeout)
    return None if answer.status == 404 else _reservation(Said(WAREHOUSE, answer.accepted()))


def stock(*, timeout: timedelta = SOON) -> dict[str, int]:
    """How many pieces of each SKU can still be reserved."""
    body = _call("GET", "/stock", timeout=timeout)
    return {row.text("sku"): row.number("available") for row in body.rows("results")}


def _call(method: str, path: str, *, timeout: timedelta, key: str = "", body: dict[str, Any] | None = None) -> Said:
    url = f"{settings.WAREHOUSE_URL}{path}"
    return Said(WAREHOUSE, http.call(WAREHOUSE, method, url, key=key, timeout=timeout, body=body).accepted())


def _path(key: str) -> str:
    return f"/reservations/{quote(key, safe='')}"


def _reservation(body: Said) -> Reservation:
    lines = tuple((row.text("sku"), row.number("quantity")) for row in body.rows("lines"))
    return Reservation(body.text("key"), body.text("status"), lines)


@dataclass(frozen=True, slots=True)
class Restock:
    """Pieces that came back. `status` is shelved or withdrawn."""

    key: str
    status: str


def take_back(order: str, lines: Sequence[tuple[str, int]], *, key: str, timeout: timedelta) -> Restock:
    """Have the pieces of an order counted as on the shelf again, once a key.

    Raises Refused("never_left") when that is more than the warehouse gave out for the order.
    """
    body = {"order": order, "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
    return _restock(_call("POST", "/returns", key=key, timeout=timeout, body=body))


def undo_take_back(key: str, *, timeout: timedelta) -> None:
    """Take what came back by this key off the shelf again. Nothing there is fine; a return that arrives later is
    refused. Raises Refused("sold_again") when somebody has bought the pieces in the meantime."""
    _call("DELETE", f"/returns/{quote(key, safe='')}", timeout=timeout)


def _restock(body: Said) -> Restock:
    return Restock(body.text("key"), body.text("status"))
