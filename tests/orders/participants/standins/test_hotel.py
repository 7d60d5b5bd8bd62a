"""The hotels' stand-in, over HTTP: a real process with its own database."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
import requests

from tests.support.standins import Standins

from .test_flight import at_once, code


class Guest:
    """One trip's dealings with a hotel: two nights from its first night on."""

    def __init__(self, standins: Standins, hotel: str = "havn-rooms") -> None:
        self.standins = standins
        self.url = f"{standins.url}/hotel"
        self.hotel = next(row for row in self.hotels() if row["code"] == hotel)
        self.order = f"T-{uuid.uuid4().hex[:8]}"
        self.key = f"book:{self.order}"

    def hotels(self) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.url}/hotels", timeout=10).json()["results"])

    def left(self) -> list[int]:
        """Rooms in each of the nights."""
        listed = next(row for row in self.hotels() if row["code"] == self.hotel["code"])
        return [night["left"] for night in listed["nights"]]

    def night(self, number: int) -> str:
        return str(self.hotel["nights"][number]["night"])

    def set(self, **change: Any) -> requests.Response:
        return requests.put(f"{self.url}/hotels/{self.hotel['code']}", json=change, timeout=10)

    def book(self, nights: int = 2, **other: Any) -> requests.Response:
        wish = {
            "order": self.order,
            "hotel": self.hotel["code"],
            "arrives": self.night(0),
            "nights": nights,
            "price": nights * self.hotel["price"],
            **other,
        }
        return requests.post(f"{self.url}/bookings", json=wish, headers={"Idempotency-Key": self.key}, timeout=10)

    def cancel(self) -> requests.Response:
        return requests.delete(f"{self.url}/bookings/{self.key}", timeout=10)

    def find(self) -> requests.Response:
        return requests.get(f"{self.url}/bookings/{self.key}", timeout=10)

    def did(self) -> list[str]:
        """The ledger: what really happened."""
        return [entry["operation"] for entry in self.standins.ledger("hotel", self.order)]


@pytest.fixture
def trip(standins: Standins) -> Guest:
    return Guest(standins)


def test_a_room_is_taken_for_each_night_of_the_stay_and_no_other(trip: Guest) -> None:
    before = trip.left()
    first, second = trip.book(), trip.book()
    assert (first.status_code, second.status_code, second.json()) == (201, 200, first.json())
    assert first.json()["reference"].startswith("H-")
    assert [was - is_ for was, is_ in zip(before, trip.left(), strict=True)] == [1, 1, 0]
    assert trip.did() == ["booked"]


def test_a_stay_with_one_full_night_takes_no_room_in_any(standins: Standins) -> None:
    trip = Guest(standins, "fjord-house")
    trip.set(left=90)
    trip.set(left=0, night=trip.night(2))
    before = trip.left()
    answer = trip.book(nights=3)
    assert (code(answer), answer.json()["error"]["night"]) == ((409, "no_rooms"), trip.night(2))
    assert (trip.left(), trip.did(), trip.find().status_code) == (before, [], 404)


def test_a_hotel_is_seeded_that_is_full(standins: Standins) -> None:
    assert code(Guest(standins, "pensao-mirante").book(nights=1)) == (409, "no_rooms")


def test_a_booking_is_cancelled_once_and_gives_its_rooms_back_once(trip: Guest) -> None:
    before = trip.left()
    trip.book()
    answers = [trip.cancel(), trip.cancel()]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "cancelled")] * 2
    assert (trip.left(), trip.did()) == (before, ["booked", "cancelled"])
    assert code(trip.book()) == (409, "cancelled")


def test_a_cancel_that_comes_first_turns_the_late_booking_away(trip: Guest) -> None:
    before = trip.left()
    assert trip.cancel().status_code == 200
    assert code(trip.book()) == (409, "cancelled")
    assert (trip.find().json()["status"], trip.left(), trip.did()) == ("cancelled", before, [])


def test_a_key_is_one_stay(trip: Guest) -> None:
    trip.book()
    assert code(trip.book(nights=1)) == (422, "key_reused")
    assert code(trip.book(order="T-another")) == (422, "key_reused")


@pytest.mark.parametrize(
    ("other", "why"), [({"hotel": "none"}, "unknown_hotel"), ({"price": 1}, "price_changed")], ids=lambda value: ""
)
def test_what_is_not_sold_or_not_at_that_price_is_refused(trip: Guest, other: dict[str, Any], why: str) -> None:
    assert code(trip.book(**other)) == (409, why)
    assert trip.did() == []


def test_a_night_that_the_hotel_does_not_open_is_full(trip: Guest) -> None:
    before_it_opens = date.fromisoformat(trip.night(0)) - timedelta(days=1)
    assert code(trip.book(arrives=before_it_opens.isoformat())) == (409, "no_rooms")


def test_of_guests_for_the_last_room_one_has_it(standins: Standins) -> None:
    for _ in range(5):
        guests = [Guest(standins) for _ in range(4)]
        guests[0].set(left=1, night=guests[0].night(1))
        answers = at_once(*[guest.book for guest in guests])
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert {code(answer) for answer in answers if not answer.ok} == {(409, "no_rooms")}
        assert guests[0].left()[1] == 0
    guests[0].set(left=60)


def test_a_booking_and_its_cancel_at_once_leave_nothing_booked(standins: Standins) -> None:
    before = Guest(standins).left()
    for _ in range(10):
        trip = Guest(standins)
        booked, cancelled = at_once(trip.book, trip.cancel)
        assert (cancelled.status_code, trip.find().json()["status"]) == (200, "cancelled")
        assert trip.did() == (["booked", "cancelled"] if booked.ok else [])
    assert trip.left() == before


@pytest.mark.parametrize(("operation", "effect"), [("book", "booked"), ("cancel", "cancelled")])
def test_a_lost_answer_did_the_work_all_the_same(trip: Guest, operation: str, effect: str) -> None:
    if operation != "book":
        trip.book()
    trip.standins.fault("hotel", operation=operation, kind="lose_answer", order=trip.order, times=1)
    with pytest.raises(requests.ConnectionError):
        getattr(trip, operation)()
    before = trip.did()
    assert before[-1] == effect
    assert (getattr(trip, operation)().status_code, trip.did()) == (200, before)


@pytest.mark.parametrize("wrong", [{"nights": 0}, {"nights": 31}, {"arrives": "soon"}, {"price": -1}, {"order": ""}])
def test_a_body_that_makes_no_sense_gets_400(trip: Guest, wrong: dict[str, Any]) -> None:
    assert code(trip.book(**{"nights": 2, **wrong})) == (400, "invalid")
