"""The warehouse's part: it puts the goods aside when the money is held, and lets them go when it is taken."""

from __future__ import annotations

from uuid import UUID

from orders.participants import warehouse
from orders.sagas import commit_stock, reserve_stock

from ..backward import undoes
from ..events import (
    WITHDRAWN,
    CaptureRefused,
    PaymentAuthorized,
    PaymentCaptured,
    ShipmentRefused,
    StockCommitted,
    StockRefused,
    StockReleased,
    StockReserved,
)
from ..forward import carries_out


@carries_out(reserve_stock, on=PaymentAuthorized, refused=StockRefused)
def stock_reserved(order_id: UUID, reservation: warehouse.Reservation) -> StockReserved:
    return StockReserved(order_id, reservation.key)


@undoes(reserve_stock, on=(StockRefused, ShipmentRefused, CaptureRefused, *WITHDRAWN))
def stock_released(order_id: UUID) -> StockReleased:
    return StockReleased(order_id)


@carries_out(commit_stock, on=PaymentCaptured)
def stock_committed(order_id: UUID, _: None) -> StockCommitted:
    return StockCommitted(order_id)
