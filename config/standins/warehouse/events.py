"""What the warehouse tells whoever reads its stream. A SKU's messages, and a reservation's, come in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outbox import event, publish

from .models import Reservation, Stock


@dataclass(frozen=True)
class Line:
    """So many pieces of one SKU."""

    sku: str
    quantity: int


@event("warehouse.stock_changed", version=1)
@dataclass(frozen=True)
class StockChanged:
    """So many pieces of the SKU can be reserved from now on."""

    sku: str
    available: int


@event("warehouse.reservation_expired", version=1)
@dataclass(frozen=True)
class ReservationExpired:
    """Nobody took the pieces in time: they are free for others."""

    key: str
    order: str
    lines: tuple[Line, ...]


@event("warehouse.reservation_released", version=1)
@dataclass(frozen=True)
class ReservationReleased:
    """Whoever had the pieces put aside has given them back."""

    key: str
    order: str
    lines: tuple[Line, ...]


def tell_stock(stocks: Iterable[Stock]) -> None:
    """Say what is left, in the transaction of the change; the rows are locked, so that what is told last is true."""
    for stock in stocks:
        publish(StockChanged(stock.sku, stock.available), key=f"sku:{stock.sku}")


def tell_reservation(kind: type[ReservationExpired] | type[ReservationReleased], row: Reservation) -> None:
    """Say what became of a reservation, in the transaction of the change."""
    lines = tuple(Line(line["sku"], line["quantity"]) for line in row.lines)
    publish(kind(row.key, row.order, lines), key=f"order:{row.order}")
