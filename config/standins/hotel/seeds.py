"""Hotels to begin with: one is full, and one has no room in the third night."""

from __future__ import annotations

from datetime import date, timedelta

from ..common.weekends import weekend
from .models import Hotel, Night

HOTELS = (
    ("casa-azul", "Casa Azul", "Lisbon", 84_00, (120, 120, 120)),
    ("pensao-mirante", "Pensão Mirante", "Lisbon", 59_00, (0, 0, 0)),
    ("fjord-house", "Fjord House", "Oslo", 110_00, (90, 90, 0)),
    ("havn-rooms", "Havn Rooms", "Oslo", 76_00, (60, 60, 60)),
)
"""Code, name, city, price of a night in cents, and the rooms in each night of the coming weekend."""


def sow(today: date) -> None:
    """Add the houses and the coming weekend's rooms; what is there stays as it is."""
    friday = weekend(today)
    houses = [
        Hotel(code=code, name=name, city=city, price=price, currency="EUR") for code, name, city, price, _ in HOTELS
    ]
    nights = [
        Night(hotel=code, night=friday + timedelta(days=day), rooms=rooms)
        for code, *_, week in HOTELS
        for day, rooms in enumerate(week)
    ]
    Hotel.objects.bulk_create(houses, ignore_conflicts=True)
    Night.objects.bulk_create(nights, ignore_conflicts=True)
