"""The carrier's part: it books the parcel when the goods are put aside, and fetches it when they have left."""

from __future__ import annotations

from uuid import UUID

from orders.participants import carrier
from orders.sagas import book_shipment, dispatch_parcel

from ..backward import undoes
from ..events import (
    WITHDRAWN,
    CaptureRefused,
    ParcelDispatched,
    ShipmentBooked,
    ShipmentCancelled,
    ShipmentRefused,
    StockCommitted,
    StockReserved,
)
from ..forward import carries_out


@carries_out(book_shipment, on=StockReserved, refused=ShipmentRefused)
def shipment_booked(order_id: UUID, booking: carrier.Booking) -> ShipmentBooked:
    return ShipmentBooked(order_id, booking.key)


@undoes(book_shipment, on=(ShipmentRefused, CaptureRefused, *WITHDRAWN))
def shipment_cancelled(order_id: UUID) -> ShipmentCancelled:
    return ShipmentCancelled(order_id)


@carries_out(dispatch_parcel, on=StockCommitted)
def parcel_dispatched(order_id: UUID, parcel: carrier.Parcel) -> ParcelDispatched:
    return ParcelDispatched(order_id, parcel.tracking)
