"""The airline stand-in, over HTTP: a real process with its own database."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from config.standins.flight.seeds import FLIGHTS
from tests.support.standins import Standins


class Caller:
    """One trip's dealings with the airline."""

    def __init__(self, standins: Standins, number: str = "SA220") -> None:
        self.standins = standins
        self.url = f"{standins.url}/flight"
        self.flight = next(row for row in self.flights() if row["code"].startswith(number))
        self.order = f"T-{uuid.uuid4().hex[:8]}"
        self.key = f"book:{self.order}"

    def flights(self) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.url}/flights", timeout=10).json()["results"])

    def left(self) -> int:
        return next(int(row["left"]) for row in self.flights() if row["code"] == self.flight["code"])

    def set(self, **change: int) -> requests.Response:
        return requests.put(f"{self.url}/flights/{self.flight['code']}", json=change, timeout=10)

    def book(self, **other: Any) -> requests.Response:
        wish = {"order": self.order, "flight": self.flight["code"], "price": self.flight["price"], **other}
        return requests.post(f"{self.url}/bookings", json=wish, headers={"Idempotency-Key": self.key}, timeout=10)

    def cancel(self) -> requests.Response:
        return requests.delete(f"{self.url}/bookings/{self.key}", timeout=10)

    def ticket(self) -> requests.Response:
        return requests.post(f"{self.url}/bookings/{self.key}/ticket", timeout=10)

    def find(self) -> requests.Response:
        return requests.get(f"{self.url}/bookings/{self.key}", timeout=10)

    def did(self) -> list[str]:
        """The ledger: what really happened."""
        return [entry["operation"] for entry in self.standins.ledger("flight", self.order)]


@pytest.fixture
def trip(standins: Standins) -> Caller:
    return Caller(standins)


def code(response: requests.Response) -> tuple[int, str]:
    """The status and the error's code."""
    return response.status_code, response.json()["error"]["code"]


def at_once(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    """The answers to calls that start together."""
    barrier = threading.Barrier(len(calls))

    def call(make: Callable[[], requests.Response]) -> requests.Response:
        barrier.wait(10)
        return make()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def test_the_airline_lists_its_flights_with_what_is_left(trip: Caller) -> None:
    listed = trip.flights()
    assert {row["name"] for row in listed} >= {name for _, name, *_ in FLIGHTS}
    assert trip.flight["city"] == "Oslo"
    assert (trip.flight["price"], trip.flight["currency"], trip.flight["left"] > 0) == (14900, "EUR", True)


def test_the_same_key_takes_one_seat(trip: Caller) -> None:
    before = trip.left()
    first, second = trip.book(), trip.book()
    assert (first.status_code, second.status_code, second.json()) == (201, 200, first.json())
    assert (trip.left(), trip.did()) == (before - 1, ["booked"])


def test_the_same_key_for_another_trip_is_refused(trip: Caller) -> None:
    trip.book()
    assert code(trip.book(order="T-another")) == (422, "key_reused")


@pytest.mark.parametrize(
    ("other", "why"), [({"flight": "none"}, "unknown_flight"), ({"price": 1}, "price_changed")], ids=lambda value: ""
)
def test_what_is_not_sold_or_not_at_that_price_is_refused(trip: Caller, other: dict[str, Any], why: str) -> None:
    assert code(trip.book(**other)) == (409, why)
    assert (trip.did(), trip.find().status_code) == ([], 404)


def test_a_booking_is_cancelled_once_and_gives_its_seat_back_once(trip: Caller) -> None:
    before = trip.left()
    trip.book()
    answers = [trip.cancel(), trip.cancel()]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "cancelled")] * 2
    assert (trip.left(), trip.did()) == (before, ["booked", "cancelled"])
    assert code(trip.book()) == (409, "cancelled")


def test_a_cancel_that_comes_first_turns_the_late_booking_away(trip: Caller) -> None:
    before = trip.left()
    assert trip.cancel().status_code == 200
    assert code(trip.book()) == (409, "cancelled")
    assert (trip.find().json()["status"], trip.left(), trip.did()) == ("cancelled", before, [])


def test_a_ticket_is_issued_once_and_cannot_be_cancelled(trip: Caller) -> None:
    trip.book()
    first, second = trip.ticket(), trip.ticket()
    assert (first.status_code, second.json()["ticket"]) == (200, first.json()["ticket"])
    assert first.json()["ticket"].startswith("TKT")
    assert code(trip.cancel()) == (409, "too_late")
    assert trip.did() == ["booked", "ticketed"]


def test_what_was_cancelled_or_never_booked_gets_no_ticket(trip: Caller) -> None:
    assert code(trip.ticket()) == (404, "unknown")
    trip.cancel()
    assert code(trip.ticket()) == (409, "cancelled")


def test_of_travellers_for_the_last_seat_one_has_it(standins: Standins) -> None:
    for _ in range(5):
        travellers = [Caller(standins) for _ in range(4)]
        travellers[0].set(left=1)
        answers = at_once(*[one.book for one in travellers])
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert {code(answer) for answer in answers if not answer.ok} == {(409, "no_seats")}
        assert travellers[0].left() == 0
    travellers[0].set(left=100)


def test_a_booking_and_its_cancel_at_once_leave_nothing_booked(standins: Standins) -> None:
    before = Caller(standins).left()
    for _ in range(10):
        trip = Caller(standins)
        booked, cancelled = at_once(trip.book, trip.cancel)
        assert (cancelled.status_code, trip.find().json()["status"]) == (200, "cancelled")
        assert trip.did() == (["booked", "cancelled"] if booked.ok else [])
    assert trip.left() == before


def test_a_cancel_and_a_ticket_at_once_end_in_one_of_the_two(standins: Standins) -> None:
    for _ in range(10):
        trip = Caller(standins)
        trip.book()
        cancelled, ticketed = at_once(trip.cancel, trip.ticket)
        assert sorted([cancelled.status_code, ticketed.status_code]) == [200, 409]
        assert trip.did() == ["booked", "cancelled" if cancelled.ok else "ticketed"]


@pytest.mark.parametrize(("operation", "effect"), [("book", "booked"), ("cancel", "cancelled"), ("ticket", "ticketed")])
def test_a_lost_answer_did_the_work_all_the_same(trip: Caller, operation: str, effect: str) -> None:
    if operation != "book":
        trip.book()
    trip.standins.fault("flight", operation=operation, kind="lose_answer", order=trip.order, times=1)
    with pytest.raises(requests.ConnectionError):
        getattr(trip, operation)()
    before = trip.did()
    assert before[-1] == effect
    assert (getattr(trip, operation)().status_code, trip.did()) == (200, before)


def test_the_airline_can_be_told_to_refuse(trip: Caller) -> None:
    trip.standins.fault("flight", operation="book", kind="refuse", order=trip.order, times=1)
    assert code(trip.book()) == (409, "no_seats")


@pytest.mark.parametrize("wrong", [{"price": -1}, {"price": None}, {"order": ""}, {"flight": "nul\0"}])
def test_a_body_that_makes_no_sense_gets_400(trip: Caller, wrong: dict[str, Any]) -> None:
    assert code(trip.book(**wrong)) == (400, "invalid")


def test_what_people_set_on_a_flight_that_is_not_there_is_refused(trip: Caller) -> None:
    trip.flight = {**trip.flight, "code": "none"}
    assert code(trip.set(left=3)) == (409, "unknown_flight")
