"""The hotels' rules. Everything here runs in the caller's transaction.

Locks are taken in one order everywhere, so that no two calls wait for each other: the key's row, then nights by date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ..common.company import Declined
from .models import Booking, Hotel, LedgerEntry, Night, Status


@dataclass(frozen=True, slots=True)
class Stay:
    """A room for so many nights. `price` is in minor units, for all of them."""

    hotel: str
    arrives: date
    nights: int
    price: int


def book(key: str, order: str, stay: Stay) -> tuple[Booking, bool]:
    """Book a room for all nights or for none; returns the booking, and whether this call made it.

    Raises Declined: `no_rooms`, `unknown_hotel` or `price_changed` (nothing is kept, so a later try may succeed),
    `cancelled` when the key was taken back, `key_reused` when it stands for something else.
    """
    row = Booking.claim(key)
    if row.status == Status.CANCELLED:
        raise Declined("cancelled", "What this key stood for was cancelled; it books nothing any more.")
    if row.status != Status.NEW:
        if (row.order, Stay(row.hotel, row.arrives or date.min, row.nights, row.price)) != (order, stay):
            raise Declined("key_reused", "This key was used for another booking.", status=422)
        return row, False
    row.order, row.hotel, row.arrives, row.nights = order, stay.hotel, stay.arrives, stay.nights
    row.price, row.status = stay.price, Status.BOOKED
    _take_room(stay, row.days())
    row.save()
    LedgerEntry.write(order, "booked", key, hotel=stay.hotel, nights=stay.nights, price=stay.price)
    return row, True


def cancel(key: str) -> Booking:
    """Give the room back. An unknown key leaves a tombstone: a later booking with it is declined."""
    row = Booking.claim(key)
    if row.status == Status.BOOKED:
        taken = _locked(row.hotel, row.days())
        for night in taken:
            night.booked -= 1
        Night.objects.bulk_update(taken, ["booked"])
        LedgerEntry.write(row.order, "cancelled", key, hotel=row.hotel, nights=row.nights)
    row.status = Status.CANCELLED
    row.save(update_fields=["status"])
    return row


def find(key: str) -> Booking:
    """The key's booking. Raises Declined `unknown` (404)."""
    row = Booking.find(key)
    if row is None:
        raise Declined("unknown", "No call with this key was ever carried out.", status=404)
    return row


def change(code: str, *, left: int | None, price: int | None, night: date | None) -> Hotel:
    """Set how many rooms can still be booked, in one night or in all, or what a night costs.

    Raises Declined `unknown_hotel`.
    """
    hotel = _hotel(code)
    if price is not None:
        hotel.price = price
        hotel.save(update_fields=["price"])
    if left is not None:
        nights = Night.objects.select_for_update().filter(hotel=code).order_by("night")
        for row in nights if night is None else nights.filter(night=night):
            row.rooms = row.booked + left
            row.save(update_fields=["rooms"])
    return hotel


def _take_room(stay: Stay, days: Sequence[date]) -> None:
    hotel = _hotel(stay.hotel)
    if hotel.price * stay.nights != stay.price:
        raise Declined("price_changed", f"A night costs {hotel.price} {hotel.currency} by now.", hotel=hotel.code)
    found = _locked(stay.hotel, days)
    full = sorted({*days} - {night.night for night in found if night.left > 0})
    if full:
        raise Declined("no_rooms", f"{hotel.name} is full on {full[0]}.", hotel=hotel.code, night=full[0].isoformat())
    for night in found:
        night.booked += 1
    Night.objects.bulk_update(found, ["booked"])


def _hotel(code: str) -> Hotel:
    hotel = Hotel.objects.filter(code=code).first()
    if hotel is None:
        raise Declined("unknown_hotel", f"There is no hotel {code}.", hotel=code)
    return hotel


def _locked(hotel: str, days: Sequence[date]) -> list[Night]:
    return list(Night.objects.select_for_update().filter(hotel=hotel, night__in=days).order_by("night"))
