"""Returned pieces: a call puts them back on the shelf under a key, another takes them off again by that key.

Everything below the views runs in the caller's transaction. Locks as in `reservations`: the key's row, then stock by
SKU.
"""

from __future__ import annotations

from collections import Counter

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from ..common.company import Company, Declined, Key, Reply, body_of, checked, explains, key_of
from . import shelves
from .models import Fault, LedgerEntry, Reservation, Restock, RestockStatus, Status
from .reservations import unknown
from .shelves import Line
from .views import Wish

USUAL = {"restock": "not_taken_back", "unrestock": "sold_again"}
WAREHOUSE = Company("warehouse", Fault, USUAL)


@require_POST
@explains
def restock_view(request: HttpRequest) -> HttpResponse:
    """POST /returns: 201 when this call put the pieces back, 200 when this key had done so before."""
    key, wish = key_of(request), body_of(request, Wish)
    lines: list[Line] = msgspec.to_builtins(wish.lines)

    def work() -> Reply:
        row, made = restock(key, wish.order, list(lines))
        return (201 if made else 200), row.as_json()

    return WAREHOUSE.answer(request, "restock", wish.order, work)


@require_http_methods(["GET", "DELETE"])
@explains
def restocked_view(request: HttpRequest, key: str) -> HttpResponse:
    """GET and DELETE /returns/<key>: find it, or take the pieces off the shelf again."""
    checked(key, Key, "The key")
    operation, work = ("find", find) if request.method == "GET" else ("unrestock", withdraw)
    return WAREHOUSE.answer(request, operation, Restock.order_of(key), lambda: (200, work(key).as_json()))


def restock(key: str, order: str, lines: list[Line]) -> tuple[Restock, bool]:
    """Put the pieces back on the shelf, once per key; returns the row, and whether this call did it.

    Raises Declined: `never_left` when more would come back than left for the order, `withdrawn` when the key was
    withdrawn, `key_reused` when it was used for something else.
    """
    row = Restock.claim(key)
    if row.status == RestockStatus.WITHDRAWN:
        raise Declined("withdrawn", "What this key stood for was taken back; it puts nothing on the shelf any more.")
    if row.status != RestockStatus.NEW:
        if (row.order, row.lines) != (order, lines):
            raise Declined("key_reused", "This key was used for another return.", status=422)
        return row, False
    wanted = shelves.wanted_of(lines)
    shelves.locked(wanted)
    _refuse_more_than_left(order, wanted)
    shelves.put_back(lines)
    row.order, row.lines, row.status = order, lines, RestockStatus.SHELVED
    row.save()
    LedgerEntry.write(order, "restocked", key, lines=lines)
    return row, True


def withdraw(key: str) -> Restock:
    """Take the key's pieces off the shelf again. An unknown key leaves a tombstone: a later return with it is
    declined. Raises Declined `sold_again` when they have been sold meanwhile: then only people can help."""
    row = Restock.claim(key)
    if row.status == RestockStatus.SHELVED:
        shelves.take_off(row.lines)
        LedgerEntry.write(row.order, "unrestocked", key, lines=row.lines)
    row.status = RestockStatus.WITHDRAWN
    row.save(update_fields=["status"])
    return row


def find(key: str) -> Restock:
    """The key's return. Raises Declined `unknown` (404)."""
    row = Restock.find(key)
    if row is None:
        raise unknown()
    return row


def _refuse_more_than_left(order: str, wanted: Counter[str]) -> None:
    """Raise Declined `never_left`. The stock rows are locked, so that returns of one piece run one after the other."""
    left: Counter[str] = Counter()
    for lines in Reservation._default_manager.filter(order=order, status=Status.COMMITTED).values_list(
        "lines", flat=True
    ):
        left += shelves.wanted_of(lines)
    for lines in Restock.objects.filter(order=order, status=RestockStatus.SHELVED).values_list("lines", flat=True):
        left -= shelves.wanted_of(lines)
    for sku, quantity in sorted(wanted.items()):
        if quantity > left[sku]:
            raise Declined("never_left", f"{quantity} of {sku} would come back, and {left[sku]} are out.", sku=sku)
