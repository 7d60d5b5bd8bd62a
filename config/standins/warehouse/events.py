"""The events of the warehouse's stream. Those of one SKU come in order, and so do those of one reservation."""

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
    """The number of pieces of the SKU that can be reserved from now on."""

    sku: str
    available: int


@event("warehouse.reservation_expired", version=1)
@dataclass(frozen=True)
class ReservationExpired:
    """The pieces were not taken in time: they are free again."""

    key: str
    order: str
    lines: tuple[Line, ...]


@event("warehouse.reservation_released", version=1)
@dataclass(frozen=True)
class ReservationReleased:
    """The reservation was released: its pieces are free again."""

    key: str
    order: str
    lines: tuple[Line, ...]


def tell_stock(stocks: Iterable[Stock]) -> None:
    """Publish what is left, in the transaction of the change. The rows are locked, so the last event is true."""
    for stock in stocks:
        publish(StockChanged(stock.sku, stock.available), key=f"sku:{stock.sku}")


def tell_reservation(kind: type[ReservationExpired] | type[ReservationReleased], row: Reservation) -> None:
    """Publish the end of a reservation, in the transaction of the change."""
    lines = tuple(Line(line["sku"], line["quantity"]) for line in row.lines)
    publish(kind(row.key, row.order, lines), key=f"order:{row.order}")
