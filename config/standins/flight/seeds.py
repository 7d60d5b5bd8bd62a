"""Flights to begin with: one has a single seat left."""

from __future__ import annotations

from datetime import date

from ..common.weekends import weekend
from .models import Flight

FLIGHTS = (
    ("SA105", "SA 105, 12:40", "Lisbon", 129_00, 180),
    ("SA101", "SA 101, 07:10", "Lisbon", 89_00, 1),
    ("SA220", "SA 220, 09:25", "Oslo", 149_00, 150),
)
"""Number, name, city, price of a seat in cents, seats."""


def sow(today: date) -> None:
    """Add the coming weekend's flights; those that are there stay as they are."""
    friday = weekend(today)
    rows = [
        Flight(
            code=f"{number}-{friday:%Y%m%d}",
            name=name,
            city=city,
            departs=friday,
            price=price,
            currency="EUR",
            seats=seats,
        )
        for number, name, city, price, seats in FLIGHTS
    ]
    Flight.objects.bulk_create(rows, ignore_conflicts=True)
