"""Prices at the moment of ordering: those that the customer saw, or nothing is ordered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from ..errors import PriceChange, PriceChanged
from ..models import OrderLine, Product
from .validation import OrderedLine, PlaceOrder


def priced(line: OrderedLine, product: Product) -> OrderLine:
    """The line at the product's name and price of now, not saved."""
    return OrderLine(sku=product.sku, name=product.name, unit_price=product.price, quantity=line.quantity)


def refuse_changed(
    request: PlaceOrder, lines: Sequence[OrderLine], products: Mapping[str, Product], total: Decimal
) -> None:
    """Raise PriceChanged when `lines`, at the prices of now, are not what the request says that the customer saw.

    All prices of an order were read by one statement. One that an operator changes after it is of no account: it is as
    if the order had come a moment before. Another currency is another price, be the figure the same.
    """
    changes = tuple(_changes(request, lines, products))
    if changes or request.total not in (None, total):
        now = changes[0].currency if changes else products[lines[0].sku].currency
        raise PriceChanged(changes, _seen(request, lines), total, now, request.currency)


def _changes(request: PlaceOrder, lines: Sequence[OrderLine], products: Mapping[str, Product]) -> Iterator[PriceChange]:
    for index, (wished, line) in enumerate(zip(request.lines, lines, strict=True)):
        now, seen = products[line.sku].currency, wished.unit_price
        other_currency = request.currency not in ("", now)
        if other_currency or (seen is not None and seen != line.unit_price):
            price = line.unit_price if seen is None else seen
            yield PriceChange(index, line.sku, line.name, price, line.unit_price, now, request.currency or now)


def _seen(request: PlaceOrder, lines: Sequence[OrderLine]) -> Decimal:
    """The sum that the customer saw: said so, or made of the prices that they saw."""
    if request.total is not None:
        return request.total
    pairs = zip(request.lines, lines, strict=True)
    prices = (line.unit_price if wished.unit_price is None else wished.unit_price for wished, line in pairs)
    return sum((price * line.quantity for price, line in zip(prices, lines, strict=True)), Decimal(0))
