"""The warehouse's rules. Everything here runs in the caller's transaction.

Locks are taken in one order everywhere, so that no two calls wait for each other: the key's row, then stock by SKU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..common.company import Declined
from .models import LedgerEntry, Reservation, Status, Stock

Line = dict[str, Any]
"""`{"sku": str, "quantity": int}`"""


def reserve(key: str, order: str, lines: Sequence[Line]) -> tuple[Reservation, bool]:
    """Put all lines aside or none; the reservation, and whether this call made it.

    Raises Declined: `out_of_stock` or `unknown_sku` (nothing is kept, so a later try may succeed), `released` when the
    key was taken back, `key_reused` when it stands for something else.
    """
    row = Reservation.claim(key)
    if row.status == Status.RELEASED:
        raise Declined("released", "What this key stood for was released; it reserves nothing any more.")
    if row.status != Status.NEW:
        if (row.order, row.lines) != (order, list(lines)):
            raise Declined("key_reused", "This key was used for another reservation.", status=422)
        return row, False
    _put_aside(_wanted(lines))
    row.order, row.lines, row.status = order, list(lines), Status.RESERVED
    row.save()
    LedgerEntry.write(order, "reserved", key, lines=row.lines)
    return row, True


def release(key: str) -> Reservation:
    """Give back what the key reserved. An unknown key leaves a tombstone: a reserve that comes later is declined.

    Raises Declined `already_committed` when the pieces have left.
    """
    row = Reservation.claim(key)
    if row.status == Status.COMMITTED:
        raise Declined("already_committed", "The pieces have left the warehouse.")
    if row.status == Status.RESERVED:
        wanted = _wanted(row.lines)
        stocks = _locked(wanted)
        for stock in stocks:
            stock.reserved -= wanted[stock.sku]
        Stock.objects.bulk_update(stocks, ["reserved"])
        LedgerEntry.write(row.order, "released", key, lines=row.lines)
    row.status = Status.RELEASED
    row.save(update_fields=["status"])
    return row


def commit(key: str) -> Reservation:
    """Take the reserved pieces out for good; twice is as once. Raises Declined `released`, or `unknown` (404)."""
    row = Reservation.locked(key)
    if row is None:
        raise unknown()
    if row.status == Status.RELEASED:
        raise Declined("released", "The reservation was released.")
    if row.status == Status.RESERVED:
        wanted = _wanted(row.lines)
        stocks = _locked(wanted)
        for stock in stocks:
            stock.on_hand -= wanted[stock.sku]
            stock.reserved -= wanted[stock.sku]
        Stock.objects.bulk_update(stocks, ["on_hand", "reserved"])
        row.status = Status.COMMITTED
        row.save(update_fields=["status"])
        LedgerEntry.write(row.order, "committed", key, lines=row.lines)
    return row


def find(key: str) -> Reservation:
    """What became of a key. Raises Declined `unknown` (404)."""
    row = Reservation.find(key)
    if row is None:
        raise unknown()
    return row


def count(sku: str, on_hand: int) -> Stock:
    """Set how many pieces there are. Raises Declined `reserved` when more of them are put aside already."""
    Stock.objects.bulk_create([Stock(sku=sku, on_hand=0)], ignore_conflicts=True)
    stock = Stock.objects.select_for_update().get(sku=sku)
    if on_hand < stock.reserved:
        raise Declined("reserved", f"{stock.reserved} pieces are put aside; there cannot be fewer.", sku=sku)
    stock.on_hand = on_hand
    stock.save(update_fields=["on_hand"])
    return stock


def unknown() -> Declined:
    return Declined("unknown", "No call with this key was ever carried out.", status=404)


def _put_aside(wanted: Counter[str]) -> None:
    found = {stock.sku: stock for stock in _locked(wanted)}
    for sku, quantity in sorted(wanted.items()):
        stock = found.get(sku)
        if stock is None:
            raise Declined("unknown_sku", f"There is no {sku} in this warehouse.", sku=sku)
        if stock.available < quantity:
            raise Declined("out_of_stock", f"{quantity} of {sku} wanted, {stock.available} available.", sku=sku)
        stock.reserved += quantity
    Stock.objects.bulk_update(found.values(), ["reserved"])


def _wanted(lines: Sequence[Line]) -> Counter[str]:
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted[line["sku"]] += line["quantity"]
    return wanted


def _locked(wanted: Counter[str]) -> list[Stock]:
    return list(Stock.objects.select_for_update().filter(sku__in=wanted).order_by("sku"))
