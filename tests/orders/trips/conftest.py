"""A flight and a hotel on offer, and a traveller's wish."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders.trips.models import FlightOffer, HotelOffer, Trip
from orders.trips.services import place_trip
from orders.trips.validation import PlaceTrip


@pytest.fixture
def friday() -> date:
    """The day of the flight."""
    return timezone.now().date() + timedelta(days=30)


@pytest.fixture
def offers(friday: date) -> None:
    """To Lisbon: a flight at 129.00 EUR, a hotel with rooms at 84.00, a full one at 59.00; and a hotel in Oslo."""
    FlightOffer.objects.create(
        code="SA105", name="SA 105", city="Lisbon", departs=friday, price=Decimal(129), currency="EUR", left=9
    )
    rooms = {(friday + timedelta(days=day)).isoformat(): 4 for day in range(3)}
    for code, name, city, price, left in (
        ("azul", "Casa Azul", "Lisbon", 84, rooms),
        ("mirante", "Pensão Mirante", "Lisbon", 59, {}),
        ("fjord", "Fjord House", "Oslo", 110, rooms),
    ):
        HotelOffer.objects.create(code=code, name=name, city=city, price=Decimal(price), currency="EUR", left=left)


@pytest.fixture
def wish(offers: None) -> PlaceTrip:
    """Two nights: 297.00 EUR."""
    return PlaceTrip("ann@example.com", "pm_card_visa", "SA105", "azul", 2)


@pytest.fixture
def trip(wish: PlaceTrip) -> Trip:
    """A trip that was placed; nobody carries it yet."""
    return place_trip(wish, idempotency_key="k1").trip
