"""The warehouse's rules. Everything here runs in the caller's transaction.

Locks are taken in one order everywhere, so that no two calls wait for each other: the key's row, then stock by SKU.
Pieces are given back once, however often a release or an expiry is tried: only a reservation that holds some gives any.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from ..common.company import Declined
from ..settings import WAREHOUSE_HOLD
from . import shelves
from .events import ReservationExpired, ReservationReleased, tell_reservation
from .models import LedgerEntry, Reservation, Status
from .shelves import Line


def reserve(key: str, order: str, lines: Sequence[Line]) -> tuple[Reservation, bool]:
    """Reserve all lines or none; returns the reservation, and whether this call made it.

    Raises Declined: `out_of_stock` or `unknown_sku` (nothing is kept, so a later try may succeed), `released` when the
    key was released, `reservation_expired` when its time is up, `key_reused` when it was used for something else.
    """
    row = Reservation.claim(key)
    if row.status == Status.RELEASED:
        raise Declined("released", "What this key stood for was released; it reserves nothing any more.")
    if row.status == Status.EXPIRED or row.is_due:
        raise Declined("reservation_expired", "What this key had put aside was not taken in time; use a new key.")
    if row.status != Status.NEW:
        if (row.order, row.lines) != (order, list(lines)):
            raise Declined("key_reused", "This key was used for another reservation.", status=422)
        return row, False
    shelves.put_aside(lines)
    row.order, row.lines, row.status = order, list(lines), Status.RESERVED
    row.expires_at = timezone.now() + WAREHOUSE_HOLD
    row.save()
    LedgerEntry.write(order, "reserved", key, lines=row.lines)
    return row, True


def release(key: str) -> Reservation:
    """Release the key's reservation. An unknown key leaves a tombstone: a later reserve with it is declined.

    An expired one gives nothing back a second time. Raises Declined `already_committed` when the pieces have left.
    """
    row = Reservation.claim(key)
    if row.status == Status.COMMITTED:
        raise Declined("already_committed", "The pieces have left the warehouse.")
    if row.status == Status.RESERVED:
        shelves.give_back(row.lines)
        LedgerEntry.write(row.order, "released", key, lines=row.lines)
        tell_reservation(ReservationReleased, row)
    row.status = Status.RELEASED
    row.save(update_fields=["status"])
    return row


def commit(key: str) -> Reservation:
    """Take the reserved pieces out for good; twice is as once. What has expired is taken if the pieces are still there.

    Raises Declined: `released`, `unknown` (404), or `out_of_stock` when it expired and others have the pieces now.
    """
    row = Reservation.locked(key)
    if row is None:
        raise unknown()
    if row.status == Status.RELEASED:
        raise Declined("released", "The reservation was released.")
    if row.status == Status.COMMITTED:
        return row
    if row.status == Status.EXPIRED:
        shelves.put_aside(row.lines)
    shelves.take_out(row.lines)
    late = {"late": True} if row.status == Status.EXPIRED else {}
    row.status = Status.COMMITTED
    row.save(update_fields=["status"])
    LedgerEntry.write(row.order, "committed", key, lines=row.lines, **late)
    return row


def find(key: str) -> Reservation:
    """The key's reservation. Raises Declined `unknown` (404)."""
    row = Reservation.find(key)
    if row is None:
        raise unknown()
    return row


def due(limit: int) -> list[str]:
    """The keys of reservations whose time is up, oldest first."""
    rows = Reservation.objects.filter(status=Status.RESERVED, expires_at__lte=timezone.now())
    return list(rows.order_by("expires_at").values_list("key", flat=True)[:limit])


def expire(key: str) -> bool:
    """Expire the key's reservation if its time is up and it is still reserved; returns whether it did."""
    row = Reservation.locked(key)
    if row is None or not row.is_due:
        return False
    shelves.give_back(row.lines)
    row.status = Status.EXPIRED
    row.save(update_fields=["status"])
    LedgerEntry.write(row.order, "expired", key, lines=row.lines)
    tell_reservation(ReservationExpired, row)
    return True


def hasten(key: str, within: timedelta) -> Reservation:
    """End a reservation's time after `within`; at once when that is zero. Raises Declined `unknown` (404)."""
    row = Reservation.locked(key)
    if row is None:
        raise unknown()
    if row.status == Status.RESERVED:
        row.expires_at = timezone.now() + within
        row.save(update_fields=["expires_at"])
    if not within:
        expire(key)
    return find(key)


def unknown() -> Declined:
    return Declined("unknown", "No call with this key was ever carried out.", status=404)
