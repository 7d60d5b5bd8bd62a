"""Trips that are carried to their end against the real stand-ins, and what these companies say they did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests

from orders.money import minor_units
from orders.trips import offers
from orders.trips.models import FlightOffer, HotelOffer, Trip
from orders.trips.services import place_trip
from orders.trips.validation import PlaceTrip
from tests.support.standins import Standins

COMPANIES = ("payments", "flight", "hotel")
PAID = {
    ("payments", "authorized"): 1,
    ("payments", "captured"): 1,
    ("flight", "booked"): 1,
    ("flight", "ticketed"): 1,
    ("hotel", "booked"): 1,
}
"""All that is ever done for a trip that is confirmed."""
UNDOES = (
    ("payments", "authorized", "canceled"),
    ("flight", "booked", "cancelled"),
    ("hotel", "booked", "cancelled"),
)
"""For a trip that was undone: each effect in the middle has one on the right."""


@dataclass(frozen=True)
class Travel:
    """The companies, and a traveller."""

    standins: Standins

    def place(
        self, card: str = "pm_card_visa", flight: str = "SA220", hotel: str = "havn-rooms", nights: int = 2
    ) -> Trip:
        """Place a trip by what the companies offer."""
        offers.refresh()
        wish = PlaceTrip("ann@example.com", card, self.flight(flight).code, hotel, nights)
        return place_trip(wish, idempotency_key=uuid4().hex).trip

    def flight(self, number: str) -> FlightOffer:
        """As the airline last offered it."""
        return FlightOffer.objects.filter(code__startswith=number).earliest("departs")

    def set_flight(self, number: str, **change: int) -> None:
        """How many seats are `left`, or the `price` of one in minor units."""
        offers.refresh()
        self._put(f"flight/flights/{self.flight(number).code}", **change)

    def set_rooms(self, hotel: str, left: int) -> None:
        self._put(f"hotel/hotels/{hotel}", left=left)

    def left(self, flight: str = "SA220", hotel: str = "havn-rooms") -> tuple[int, dict[str, int]]:
        """Seats and, by night, rooms that can be booked now."""
        offers.refresh()
        return self.flight(flight).left, HotelOffer.objects.get(code=hotel).left

    def did(self, trip: Trip) -> list[tuple[str, str]]:
        """Company and effect, as the ledgers have them."""
        return [(who, entry["operation"]) for who in COMPANIES for entry in self.standins.ledger(who, trip.number)]

    def differences(self, trip: Trip) -> list[str]:
        """Where the ledgers do not fit what the traveller was told; empty when the books agree."""
        done = Counter(self.did(trip))
        charged = [entry["amount"] for entry in self.statement(trip)]
        match trip.status:
            case Trip.Status.CONFIRMED:
                booked = [] if done == PAID else [f"done was {dict(done)}"]
                return booked + (
                    [] if charged == [minor_units(trip.total, trip.currency)] == [trip.charged] else [f"{charged=}"]
                )
            case Trip.Status.CANCELLED:
                held = [
                    f"{who} did {act} {done[who, act]} times and {undo} {done[who, undo]} times"
                    for who, act, undo in UNDOES
                    if done[who, act] > done[who, undo]
                ]
                return held + [f"charged {amount}" for amount in charged]
            case _:
                return [f"{trip.number} is {trip.status}: not settled"]

    def statement(self, trip: Trip) -> list[dict[str, Any]]:
        """What stands on the traveller's bank statement: charges and refunds."""
        entries = self.standins.ledger("payments", trip.number)
        return [entry for entry in entries if entry["operation"] in {"captured", "refunded"}]

    def _put(self, path: str, **body: Any) -> None:
        requests.put(f"{self.standins.url}/{path}", json=body, timeout=10).raise_for_status()
