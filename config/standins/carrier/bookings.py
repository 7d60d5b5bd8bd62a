"""The carrier's rules. Everything here runs in the caller's transaction, under the lock of the key's row."""

from __future__ import annotations

from ..common.company import Declined
from .models import Booking, LedgerEntry, Status


def book(key: str, order: str) -> tuple[Booking, bool]:
    """Have a label made; the booking, and whether this call made it.

    Raises Declined: `cancelled` when the key was taken back, `key_reused` when it stands for another order.
    """
    row = Booking.claim(key)
    if row.status == Status.CANCELLED:
        raise Declined("cancelled", "What this key stood for was cancelled; it books nothing any more.")
    if row.status != Status.NEW:
        if row.order != order:
            raise Declined("key_reused", "This key was used for another order.", status=422)
        return row, False
    row.order, row.status = order, Status.BOOKED
    row.save()
    LedgerEntry.write(order, "booked", key, label=row.label)
    return row, True


def cancel(key: str) -> Booking:
    """Cancel what the key booked. An unknown key leaves a tombstone: a booking that comes later is declined.

    Raises Declined `too_late` when the parcel was picked up: then only people can call it back.
    """
    row = Booking.claim(key)
    if row.status in (Status.PICKED_UP, Status.DISPATCHED):
        raise Declined("too_late", f"The parcel {row.label} was picked up and is on its way, number {row.tracking}.")
    if row.status == Status.BOOKED:
        LedgerEntry.write(row.order, "cancelled", key, label=row.label)
    row.status = Status.CANCELLED
    row.save(update_fields=["status"])
    return row


def dispatch(key: str) -> Booking:
    """Send the parcel; twice is the same as once. Raises Declined `cancelled`, or `unknown` (404)."""
    row = Booking.locked(key)
    if row is None:
        raise unknown()
    if row.status == Status.CANCELLED:
        raise Declined("cancelled", "The booking was cancelled.")
    if row.status in (Status.BOOKED, Status.PICKED_UP):
        row.status = Status.DISPATCHED
        row.save(update_fields=["status"])
        LedgerEntry.write(row.order, "dispatched", key, label=row.label, tracking=row.tracking)
    return row


def pick_up(key: str) -> Booking:
    """A driver fetches the parcel before the shop has said that it may go; from then on it is too late to cancel.

    Raises Declined `cancelled`, or `unknown` (404).
    """
    row = Booking.locked(key)
    if row is None:
        raise unknown()
    if row.status == Status.CANCELLED:
        raise Declined("cancelled", "The booking was cancelled.")
    if row.status == Status.BOOKED:
        row.status = Status.PICKED_UP
        row.save(update_fields=["status"])
        LedgerEntry.write(row.order, "picked_up", key, label=row.label, tracking=row.tracking)
    return row


def find(key: str) -> Booking:
    """What became of a key. Raises Declined `unknown` (404)."""
    row = Booking.find(key)
    if row is None:
        raise unknown()
    return row


def unknown() -> Declined:
    return Declined("unknown", "No call with this key was ever carried out.", status=404)
