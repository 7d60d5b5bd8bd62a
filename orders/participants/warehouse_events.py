"""What the warehouse tells on its stream, as the shop reads it; its shapes are `warehouse_events.json`."""

from __future__ import annotations

from dataclasses import dataclass

from outbox import event


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
    """Nobody took the pieces in time: they are free for others. `order` is the number that we reserved under."""

    key: str
    order: str
    lines: tuple[Line, ...]


@event("warehouse.reservation_released", version=1)
@dataclass(frozen=True)
class ReservationReleased:
    """We have given the pieces back. Nobody listens: what is left is told by StockChanged."""

    key: str
    order: str
    lines: tuple[Line, ...]
