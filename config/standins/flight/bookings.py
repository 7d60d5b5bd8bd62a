"""The airline's rules. Everything here runs in the caller's transaction.

Locks are taken in one order everywhere, so that no two calls wait for each other: the key's row, then the flight.
"""

from __future__ import annotations

from ..common.company import Declined
from .models import Booking, Flight, LedgerEntry, Status


def book(key: str, order: str, flight: str, price: int) -> tuple[Booking, bool]:
    """Take a seat at that price, in minor units; returns the booking, and whether this call made it.

    Raises Declined: `no_seats`, `unknown_flight` or `price_changed` (nothing is kept, so a later try may succeed),
    `cancelled` when the key was taken back, `key_reused` when it stands for something else.
    """
    row = Booking.claim(key)
    if row.status == Status.CANCELLED:
        raise Declined("cancelled", "What this key stood for was cancelled; it books nothing any more.")
    if row.status != Status.NEW:
        if (row.order, row.flight, row.price) != (order, flight, price):
            raise Declined("key_reused", "This key was used for another booking.", status=422)
        return row, False
    _take_seat(flight, price)
    row.order, row.flight, row.price, row.status = order, flight, price, Status.BOOKED
    row.save()
    LedgerEntry.write(order, "booked", key, flight=flight, price=price)
    return row, True


def cancel(key: str) -> Booking:
    """Give the seat back. An unknown key leaves a tombstone: a later booking with it is declined.

    Raises Declined `too_late` when the ticket is issued.
    """
    row = Booking.claim(key)
    if row.status == Status.TICKETED:
        raise Declined("too_late", "The ticket is issued.")
    if row.status == Status.BOOKED:
        taken = _locked(row.flight)
        taken.booked -= 1
        taken.save(update_fields=["booked"])
        LedgerEntry.write(row.order, "cancelled", key, flight=row.flight)
    row.status = Status.CANCELLED
    row.save(update_fields=["status"])
    return row


def issue(key: str) -> Booking:
    """Issue the booking's ticket; idempotent. Raises Declined `cancelled`, or `unknown` (404)."""
    row = Booking.locked(key)
    if row is None:
        raise unknown()
    if row.status == Status.CANCELLED:
        raise Declined("cancelled", "The booking was cancelled.")
    if row.status == Status.BOOKED:
        row.status = Status.TICKETED
        row.save(update_fields=["status"])
        LedgerEntry.write(row.order, "ticketed", key, flight=row.flight, ticket=row.ticket)
    return row


def find(key: str) -> Booking:
    """The key's booking. Raises Declined `unknown` (404)."""
    row = Booking.find(key)
    if row is None:
        raise unknown()
    return row


def change(code: str, *, left: int | None, price: int | None) -> Flight:
    """Set how many seats can still be booked, or what one costs. Raises Declined `unknown_flight`."""
    flight = _locked(code)
    flight.seats = flight.seats if left is None else flight.booked + left
    flight.price = flight.price if price is None else price
    flight.save(update_fields=["seats", "price"])
    return flight


def unknown() -> Declined:
    return Declined("unknown", "No call with this key was ever carried out.", status=404)


def _take_seat(code: str, price: int) -> None:
    flight = _locked(code)
    if flight.price != price:
        raise Declined("price_changed", f"A seat costs {flight.price} {flight.currency} by now.", flight=code)
    if flight.left < 1:
        raise Declined("no_seats", "The flight is full.", flight=code)
    flight.booked += 1
    flight.save(update_fields=["booked"])


def _locked(code: str) -> Flight:
    flight = Flight.objects.select_for_update().filter(code=code).first()
    if flight is None:
        raise Declined("unknown_flight", f"There is no flight {code}.", flight=code)
    return flight
