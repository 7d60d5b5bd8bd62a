"""Changes of the stock: put aside, given back, taken out, counted. Each publishes what is left, in its transaction.

Rows are locked in the order of their SKUs, so that no deadlock arises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..common.company import Declined
from .events import tell_stock
from .models import Stock

Line = dict[str, Any]
"""`{"sku": str, "quantity": int}`"""


def put_aside(lines: Sequence[Line]) -> None:
    """Put aside all of them or none. Raises Declined `out_of_stock` or `unknown_sku`."""
    wanted = wanted_of(lines)
    found = {stock.sku: stock for stock in locked(wanted)}
    for sku, quantity in sorted(wanted.items()):
        stock = found.get(sku)
        if stock is None:
            raise Declined("unknown_sku", f"There is no {sku} in this warehouse.", sku=sku)
        if stock.available < quantity:
            raise Declined("out_of_stock", f"{quantity} of {sku} wanted, {stock.available} available.", sku=sku)
        stock.reserved += quantity
    _save(list(found.values()))


def give_back(lines: Sequence[Line]) -> None:
    """Make what was put aside free again."""
    wanted = wanted_of(lines)
    stocks = locked(wanted)
    for stock in stocks:
        stock.reserved -= wanted[stock.sku]
    _save(stocks)


def take_out(lines: Sequence[Line]) -> None:
    """Take what was put aside out of the warehouse."""
    wanted = wanted_of(lines)
    stocks = locked(wanted)
    for stock in stocks:
        stock.on_hand -= wanted[stock.sku]
        stock.reserved -= wanted[stock.sku]
    Stock.objects.bulk_update(stocks, ["on_hand", "reserved"])  # the number available is the same: no event


def put_back(lines: Sequence[Line]) -> None:
    """Put pieces that had left back on the shelf."""
    wanted = wanted_of(lines)
    stocks = locked(wanted)
    for stock in stocks:
        stock.on_hand += wanted[stock.sku]
    _save(stocks)


def take_off(lines: Sequence[Line]) -> None:
    """Take pieces that had come back out again. Raises Declined `sold_again` when they have been sold meanwhile."""
    wanted = wanted_of(lines)
    stocks = locked(wanted)
    for stock in stocks:
        if stock.available < wanted[stock.sku]:
            gone = f"{wanted[stock.sku]} of {stock.sku} came back, and {stock.available} are left on the shelf."
            raise Declined("sold_again", gone, sku=stock.sku)
        stock.on_hand -= wanted[stock.sku]
    _save(stocks)


def count(sku: str, on_hand: int) -> Stock:
    """Set how many pieces there are. Raises Declined `reserved` when more of them are put aside already."""
    Stock.objects.bulk_create([Stock(sku=sku, on_hand=0)], ignore_conflicts=True)
    stock = Stock.objects.select_for_update().get(sku=sku)
    if on_hand < stock.reserved:
        raise Declined("reserved", f"{stock.reserved} pieces are put aside; there cannot be fewer.", sku=sku)
    stock.on_hand = on_hand
    stock.save(update_fields=["on_hand"])
    tell_stock([stock])
    return stock


def _save(stocks: Sequence[Stock]) -> None:
    Stock.objects.bulk_update(stocks, ["on_hand", "reserved"])
    tell_stock(stocks)


def wanted_of(lines: Sequence[Line]) -> Counter[str]:
    """How many pieces of each SKU."""
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted[line["sku"]] += line["quantity"]
    return wanted


def locked(wanted: Counter[str]) -> list[Stock]:
    """The rows of these SKUs, locked until the transaction ends."""
    return list(Stock.objects.select_for_update().filter(sku__in=wanted).order_by("sku"))
