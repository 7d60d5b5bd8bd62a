"""The carrier's rules. Everything here runs in the caller's transaction, under the lock of the key's row."""

from __future__ import annotations

from ..common.company import Declined
from .models import Booking, LedgerEntry, Status


def book(key: str, order: str) -> tuple[Booking, bool]:
    """Book a parcel; returns the booking, and whether this call made it.

    Raises Declined: `cancelled` when the key was cancelled, `key_reused` when it belongs to another order.
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
    """Cancel the key's booking. An unknown key leaves a tombstone: a later booking with it is declined.

    Raises Declined `too_late` when the parcel was picked up: then only people can get it back.
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
    """Dispatch the parcel; idempotent. Raises Declined `cancelled`, or `unknown` (404)."""
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
    """A driver picks the parcel up before the shop dispatches it. After that it is too late to cancel.

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
    """The key's booking. Raises Declined `unknown` (404)."""
    row = Booking.find(key)
    if row is None:
        raise unknown()
    return row


def unknown() -> Declined:
    return Declined("unknown", "No call with this key was ever carried out.", status=404)
