"""The carrier stand-in, over HTTP: a real process with its own database."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.standins import Standins


class Caller:
    """One order's dealings with the carrier."""

    def __init__(self, standins: Standins) -> None:
        self.standins = standins
        self.url = f"{standins.url}/carrier"
        self.order = f"S-{uuid.uuid4().hex[:8]}"
        self.key = f"book:{self.order}"

    def book(self, order: str = "") -> requests.Response:
        return self.post({"order": order or self.order}, {"Idempotency-Key": self.key})

    def post(self, body: Any, headers: dict[str, str]) -> requests.Response:
        return requests.post(f"{self.url}/bookings", json=body, headers=headers, timeout=10)

    def cancel(self) -> requests.Response:
        return requests.delete(f"{self.url}/bookings/{self.key}", timeout=10)

    def dispatch(self) -> requests.Response:
        return requests.post(f"{self.url}/bookings/{self.key}/dispatch", timeout=10)

    def pick_up(self) -> requests.Response:
        return requests.post(f"{self.url}/bookings/{self.key}/pickup", timeout=10)

    def find(self) -> requests.Response:
        return requests.get(f"{self.url}/bookings/{self.key}", timeout=10)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.standins.fault("carrier", operation=operation, kind=kind, order=self.order, times=1, **more)

    def did(self) -> list[str]:
        """The ledger: what really happened."""
        return [entry["operation"] for entry in self.standins.ledger("carrier", self.order)]


@pytest.fixture
def shop(standins: Standins) -> Caller:
    return Caller(standins)


def code(response: requests.Response) -> tuple[int, str]:
    """The status and the error's code."""
    return response.status_code, response.json()["error"]["code"]


def test_a_booking_has_a_label(shop: Caller) -> None:
    answer = shop.book()
    body = answer.json()
    assert (answer.status_code, body["status"], body["order"], body["key"]) == (201, "booked", shop.order, shop.key)
    assert body["label"].startswith("C-")
    [entry] = shop.standins.ledger("carrier", shop.order)
    assert (entry["operation"], entry["label"]) == ("booked", body["label"])


def test_the_same_key_books_once(shop: Caller) -> None:
    first, second = shop.book(), shop.book()
    assert (second.status_code, second.json()) == (200, first.json())
    assert shop.did() == ["booked"]


def test_the_same_key_for_another_order_is_refused(shop: Caller) -> None:
    shop.book()
    assert code(shop.book("S-another")) == (422, "key_reused")


def test_two_bookings_have_different_labels(standins: Standins) -> None:
    assert Caller(standins).book().json()["label"] != Caller(standins).book().json()["label"]


def test_a_booking_is_cancelled_once(shop: Caller) -> None:
    shop.book()
    answers = [shop.cancel(), shop.cancel()]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "cancelled")] * 2
    assert shop.did() == ["booked", "cancelled"]
    assert code(shop.book()) == (409, "cancelled")


def test_a_cancel_that_comes_first_turns_the_late_booking_away(shop: Caller) -> None:
    assert shop.cancel().status_code == 200
    assert code(shop.book()) == (409, "cancelled")
    found = shop.find().json()
    assert (found["status"], found["label"], shop.did()) == ("cancelled", "", [])


def test_a_parcel_is_dispatched_once(shop: Caller) -> None:
    shop.book()
    first, second = shop.dispatch(), shop.dispatch()
    assert (first.status_code, second.status_code, first.json()) == (200, 200, second.json())
    assert (first.json()["status"], first.json()["tracking"][:3]) == ("dispatched", "TRK")
    assert shop.did() == ["booked", "dispatched"]


def test_a_parcel_on_its_way_cannot_be_cancelled(shop: Caller) -> None:
    shop.book()
    shop.dispatch()
    assert code(shop.cancel()) == (409, "too_late")
    assert shop.did() == ["booked", "dispatched"]


def test_what_was_cancelled_or_never_booked_cannot_be_dispatched(shop: Caller) -> None:
    assert code(shop.dispatch()) == (404, "unknown")
    shop.cancel()
    assert code(shop.dispatch()) == (409, "cancelled")
    assert shop.did() == []


def test_a_booking_is_found_by_its_key(shop: Caller) -> None:
    assert code(shop.find()) == (404, "unknown")
    made = shop.book().json()
    assert (shop.find().status_code, shop.find().json()) == (200, made)


def test_a_cancel_and_a_dispatch_at_once_end_in_one_of_the_two(standins: Standins) -> None:
    for _ in range(20):
        shop = Caller(standins)
        shop.book()
        cancelled, dispatched = at_once(shop.cancel, shop.dispatch)
        assert sorted([cancelled.status_code, dispatched.status_code]) == [200, 409]
        assert shop.did() == ["booked", "cancelled" if cancelled.ok else "dispatched"]


def test_a_booking_and_its_cancel_at_once_leave_nothing_booked(standins: Standins) -> None:
    for _ in range(20):
        shop = Caller(standins)
        booked, cancelled = at_once(shop.book, shop.cancel)
        assert cancelled.status_code == 200
        assert (booked.status_code in (201, 409), shop.find().json()["status"]) == (True, "cancelled")
        assert shop.did() == (["booked", "cancelled"] if booked.ok else [])


@pytest.mark.parametrize(
    ("operation", "effect"), [("book", "booked"), ("cancel", "cancelled"), ("dispatch", "dispatched")]
)
def test_a_lost_answer_did_the_work_all_the_same(shop: Caller, operation: str, effect: str) -> None:
    if operation != "book":
        shop.book()
    shop.fault(operation, "lose_answer")
    with pytest.raises(requests.ConnectionError):
        getattr(shop, operation)()
    assert shop.did()[-1] == effect
    before = shop.did()
    assert getattr(shop, operation)().status_code == 200
    assert shop.did() == before


def test_a_carrier_that_is_down_does_nothing(shop: Caller) -> None:
    shop.fault("book", "down")
    with pytest.raises(requests.ConnectionError):
        shop.book()
    assert (shop.did(), shop.find().status_code) == ([], 404)


@pytest.mark.parametrize(
    ("operation", "kind", "expected"),
    [
        ("book", "fail", (500, "internal")),
        ("book", "refuse", (409, "cannot_ship")),
        ("cancel", "refuse", (409, "too_late")),
        ("dispatch", "refuse", (409, "cannot_ship")),
        ("find", "fail", (500, "internal")),
    ],
)
def test_a_carrier_that_fails_or_refuses_does_nothing(
    shop: Caller, operation: str, kind: str, expected: tuple[int, str]
) -> None:
    if operation != "book":
        shop.book()
    before = shop.did()
    shop.fault(operation, kind)
    assert code(getattr(shop, operation)()) == expected
    assert shop.did() == before


def test_a_fault_for_one_order_leaves_others_alone(shop: Caller) -> None:
    shop.fault("book", "refuse", code="address_refused")
    assert Caller(shop.standins).book().status_code == 201
    assert code(shop.book()) == (409, "address_refused")
    assert shop.book().status_code == 201


def test_a_fault_without_a_number_lasts_until_it_is_removed(shop: Caller) -> None:
    shop.standins.fault("carrier", operation="book", kind="refuse", order=shop.order)
    assert [shop.book().status_code for _ in range(3)] == [409, 409, 409]
    shop.standins.clear()
    assert shop.book().status_code == 201


@pytest.mark.parametrize("fault", [{}, {"kind": "odd"}, {"kind": "fail", "times": -1}, {"kind": "fail", "often": 1}])
def test_a_fault_that_makes_no_sense_gets_400(shop: Caller, fault: dict[str, Any]) -> None:
    assert requests.post(f"{shop.url}/_faults", json=fault, timeout=10).status_code == 400


@pytest.mark.parametrize("body", [[], {}, {"order": None}, {"order": ""}, {"order": "x" * 101}, {"order": "nul\0"}])
def test_a_body_that_makes_no_sense_gets_400(shop: Caller, body: Any) -> None:
    assert code(shop.post(body, {"Idempotency-Key": shop.key})) == (400, "invalid")


def test_a_call_without_a_key_gets_400(shop: Caller) -> None:
    assert code(shop.post({"order": shop.order}, {})) == (400, "invalid")


def at_once(*calls: Any) -> list[requests.Response]:
    """The calls' answers; all calls leave together."""
    barrier = threading.Barrier(len(calls))

    def go(call: Any) -> requests.Response:
        barrier.wait(10)
        answer: requests.Response = call()
        return answer

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


def test_a_parcel_that_was_picked_up_early_cannot_be_cancelled_and_says_by_which_number_it_is_found(
    shop: Caller,
) -> None:
    label = shop.book().json()["label"]
    picked_up = shop.pick_up().json()
    assert picked_up["status"] == "picked_up"
    answer = shop.cancel()
    assert code(answer) == (409, "too_late")
    assert label in answer.json()["error"]["message"]
    assert picked_up["tracking"] in answer.json()["error"]["message"]
    assert shop.find().json()["status"] == "picked_up"


def test_a_parcel_that_was_picked_up_early_is_dispatched_once_and_keeps_its_number(shop: Caller) -> None:
    shop.book()
    tracking = [shop.pick_up().json()["tracking"], shop.pick_up().json()["tracking"]]
    assert {*tracking, shop.dispatch().json()["tracking"], shop.pick_up().json()["tracking"]} == {tracking[0]}
    assert shop.find().json()["status"] == "dispatched"
    assert shop.did() == ["booked", "picked_up", "dispatched"]


def test_what_was_cancelled_or_never_booked_is_not_picked_up(shop: Caller) -> None:
    assert code(shop.pick_up()) == (404, "unknown")
    shop.book()
    shop.cancel()
    assert code(shop.pick_up()) == (409, "cancelled")


def test_of_a_pick_up_and_a_cancel_at_once_exactly_one_wins(standins: Standins) -> None:
    for _ in range(10):
        shop = Caller(standins)
        shop.book()
        with ThreadPoolExecutor(2) as pool:
            answers = [one.result() for one in [pool.submit(shop.pick_up), pool.submit(shop.cancel)]]
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert shop.did()[1:] in (["picked_up"], ["cancelled"])
