"""Prices at the moment of ordering: those that the customer saw, or nothing is ordered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from .errors import PriceChange, PriceChanged
from .models import OrderLine, Product
from .validation import OrderedLine, PlaceOrder


def priced(line: OrderedLine, product: Product) -> OrderLine:
    """The line at the product's name and price of now, not saved."""
    return OrderLine(sku=product.sku, name=product.name, unit_price=product.price, quantity=line.quantity)


def refuse_changed(request: PlaceOrder, lines: Sequence[OrderLine], total: Decimal, currency: str) -> None:
    """Raise PriceChanged when `lines`, at the prices of now, are not what the request says that the customer saw.

    All prices of an order were read by one statement. One that an operator changes after it is of no account: it is as
    if the order had come a moment before.
    """
    changes = tuple(_changes(request, lines, currency))
    if changes or request.total not in (None, total):
        raise PriceChanged(changes, _seen(request, lines), total, currency)


def _changes(request: PlaceOrder, lines: Sequence[OrderLine], currency: str) -> Iterator[PriceChange]:
    for index, (wished, line) in enumerate(zip(request.lines, lines, strict=True)):
        seen = wished.unit_price
        if seen is not None and seen != line.unit_price:
            yield PriceChange(index, line.sku, line.name, seen, line.unit_price, currency)


def _seen(request: PlaceOrder, lines: Sequence[OrderLine]) -> Decimal:
    """The sum that the customer saw: said so, or made of the prices that they saw."""
    if request.total is not None:
        return request.total
    pairs = zip(request.lines, lines, strict=True)
    prices = (line.unit_price if wished.unit_price is None else wished.unit_price for wished, line in pairs)
    return sum((price * line.quantity for price, line in zip(prices, lines, strict=True)), Decimal(0))
