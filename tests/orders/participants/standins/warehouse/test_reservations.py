"""The warehouse stand-in, over HTTP: a real process with its own database."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.support.standins import Standins

Lines = list[dict[str, Any]]


class Caller:
    """One order's dealings with the warehouse, on an SKU that no other test touches."""

    def __init__(self, standins: Standins, pieces: int = 5) -> None:
        self.standins = standins
        self.url = f"{standins.url}/warehouse"
        self.order = f"S-{uuid.uuid4().hex[:8]}"
        self.key = f"reserve:{self.order}"
        self.sku = f"sku-{uuid.uuid4().hex[:8]}"
        standins.set_stock(self.sku, pieces)

    def reserve(self, quantity: int = 2, *, key: str = "", lines: Lines | None = None) -> requests.Response:
        wanted = [{"sku": self.sku, "quantity": quantity}] if lines is None else lines
        return self.post("/reservations", {"order": self.order, "lines": wanted}, key or self.key)

    def release(self, key: str = "") -> requests.Response:
        return requests.delete(f"{self.url}/reservations/{key or self.key}", timeout=10)

    def commit(self) -> requests.Response:
        return requests.post(f"{self.url}/reservations/{self.key}/commit", timeout=10)

    def expire(self, within: float = 0) -> requests.Response:
        url = f"{self.url}/reservations/{self.key}/expire"
        return requests.post(url, json={"within": within}, timeout=10)

    def find(self) -> requests.Response:
        return requests.get(f"{self.url}/reservations/{self.key}", timeout=10)

    def post(self, path: str, body: Any, key: str | None) -> requests.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return requests.post(f"{self.url}{path}", json=body, headers=headers, timeout=10)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.standins.fault("warehouse", operation=operation, kind=kind, order=self.order, times=1, **more)

    def did(self) -> list[str]:
        """The ledger: what really happened."""
        return [entry["operation"] for entry in self.standins.ledger("warehouse", self.order)]

    @property
    def available(self) -> int:
        return self.standins.stock(self.sku)


@pytest.fixture
def shop(standins: Standins) -> Caller:
    """A caller, with five pieces in the warehouse."""
    return Caller(standins)


def code(response: requests.Response) -> tuple[int, str]:
    """The status and the error's code."""
    return response.status_code, response.json()["error"]["code"]


def test_a_reservation_puts_the_goods_aside(shop: Caller) -> None:
    answer = shop.reserve(2)
    lines = [{"sku": shop.sku, "quantity": 2}]
    made = answer.json()
    until = datetime.fromisoformat(made.pop("expires_at")) - datetime.now(UTC)
    expected = {"key": shop.key, "order": shop.order, "lines": lines, "status": "reserved"}
    assert (answer.status_code, made) == (201, expected)
    assert timedelta(minutes=59) < until <= timedelta(hours=1)
    assert shop.available == 3
    [entry] = shop.standins.ledger("warehouse", shop.order)
    assert (entry["operation"], entry["key"], entry["lines"]) == ("reserved", shop.key, lines)


def test_the_same_key_and_body_get_the_same_answer_and_reserve_once(shop: Caller) -> None:
    first, second = shop.reserve(2), shop.reserve(2)
    assert (second.status_code, second.json()) == (200, first.json())
    assert (shop.available, shop.did()) == (3, ["reserved"])


def test_the_same_key_with_another_body_is_refused(shop: Caller) -> None:
    shop.reserve(2)
    assert code(shop.reserve(3)) == (422, "key_reused")
    assert (shop.available, shop.did()) == (3, ["reserved"])


def test_too_few_pieces_keep_nothing_and_a_later_try_with_the_key_succeeds(shop: Caller) -> None:
    answer = shop.reserve(6)
    assert code(answer) == (409, "out_of_stock")
    assert answer.json()["error"]["sku"] == shop.sku
    assert (shop.find().status_code, shop.available, shop.did()) == (404, 5, [])
    shop.standins.set_stock(shop.sku, 6)
    assert shop.reserve(6).status_code == 201
    assert (shop.available, shop.did()) == (0, ["reserved"])


def test_all_lines_are_reserved_or_none(shop: Caller) -> None:
    other = Caller(shop.standins, pieces=1)
    lines = [{"sku": shop.sku, "quantity": 1}, {"sku": other.sku, "quantity": 2}]
    assert code(shop.reserve(lines=lines)) == (409, "out_of_stock")
    assert (shop.available, other.available) == (5, 1)


def test_lines_of_one_sku_are_added_up(shop: Caller) -> None:
    line = {"sku": shop.sku, "quantity": 3}
    assert code(shop.reserve(lines=[line, line])) == (409, "out_of_stock")
    assert shop.available == 5


def test_an_unknown_sku_is_refused(shop: Caller) -> None:
    assert code(shop.reserve(lines=[{"sku": "no-such", "quantity": 1}])) == (409, "unknown_sku")


def test_a_release_gives_the_goods_back_once(shop: Caller) -> None:
    shop.reserve(2)
    answers = [shop.release(), shop.release()]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "released")] * 2
    assert (shop.available, shop.did()) == (5, ["reserved", "released"])


def test_a_key_that_was_released_reserves_nothing_any_more(shop: Caller) -> None:
    shop.reserve(2)
    shop.release()
    assert code(shop.reserve(2)) == (409, "released")
    assert shop.available == 5


def test_a_release_that_comes_first_turns_the_late_reserve_away(shop: Caller) -> None:
    assert shop.release().status_code == 200
    assert code(shop.reserve(2)) == (409, "released")
    assert (shop.find().json()["status"], shop.available, shop.did()) == ("released", 5, [])


def test_a_commit_takes_the_goods_out_once(shop: Caller) -> None:
    shop.reserve(2)
    answers = [shop.commit(), shop.commit()]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "committed")] * 2
    assert (shop.available, shop.did()) == (3, ["reserved", "committed"])
    assert requests.put(f"{shop.url}/stock/{shop.sku}", json={"on_hand": 3}, timeout=10).json()["available"] == 3


def test_what_was_committed_cannot_be_released(shop: Caller) -> None:
    shop.reserve(2)
    shop.commit()
    assert code(shop.release()) == (409, "already_committed")
    assert (shop.available, shop.did()) == (3, ["reserved", "committed"])


def test_what_was_released_or_never_reserved_cannot_be_committed(shop: Caller) -> None:
    assert code(shop.commit()) == (404, "unknown")
    shop.release()
    assert code(shop.commit()) == (409, "released")
    assert shop.did() == []


def test_a_reservation_is_found_by_its_key(shop: Caller) -> None:
    assert code(shop.find()) == (404, "unknown")
    made = shop.reserve(2).json()
    assert (shop.find().status_code, shop.find().json()) == (200, made)


def test_no_fewer_pieces_are_counted_than_are_put_aside(shop: Caller) -> None:
    shop.reserve(2)
    assert code(requests.put(f"{shop.url}/stock/{shop.sku}", json={"on_hand": 1}, timeout=10)) == (409, "reserved")
    assert shop.available == 3


def test_two_orders_want_the_last_piece_and_exactly_one_gets_it(standins: Standins) -> None:
    for _ in range(10):
        first = Caller(standins, pieces=1)
        second = Caller(standins)
        second.sku = first.sku
        answers = at_once(lambda: first.reserve(1), lambda: second.reserve(1))  # noqa: B023 (called at once)
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert first.available == 0
        assert len(first.did() + second.did()) == 1


def test_orders_that_name_the_same_goods_in_any_order_never_deadlock(standins: Standins) -> None:
    shop = Caller(standins)
    skus = [f"{shop.sku}-{number}" for number in range(15)]
    for sku in skus:
        standins.set_stock(sku, 100)
    lines = [{"sku": sku, "quantity": 1} for sku in skus]
    calls = [lambda n=n: shop.reserve(key=f"{shop.key}:{n}", lines=lines if n % 2 else lines[::-1]) for n in range(16)]
    assert [answer.status_code for answer in at_once(*calls)] == [201] * 16
    assert {standins.stock(sku) for sku in skus} == {84}


def test_a_key_sent_twice_at_once_reserves_once(standins: Standins) -> None:
    for _ in range(10):
        shop = Caller(standins)
        answers = at_once(shop.reserve, shop.reserve, shop.reserve)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
        assert (shop.available, shop.did()) == (3, ["reserved"])


def test_a_reserve_and_its_release_at_once_leave_nothing_put_aside(standins: Standins) -> None:
    for _ in range(20):
        shop = Caller(standins)
        reserved, released = at_once(shop.reserve, shop.release)
        assert released.status_code == 200
        assert reserved.status_code in (201, 409)
        assert (shop.available, shop.find().json()["status"]) == (5, "released")
        assert shop.did() == (["reserved", "released"] if reserved.status_code == 201 else [])


def test_a_lost_answer_did_the_work_all_the_same(shop: Caller) -> None:
    shop.fault("reserve", "lose_answer")
    with pytest.raises(requests.ConnectionError):
        shop.reserve(2)
    assert (shop.did(), shop.available) == (["reserved"], 3)
    assert shop.reserve(2).status_code == 200
    assert shop.did() == ["reserved"]


def test_a_warehouse_that_is_down_does_nothing(shop: Caller) -> None:
    shop.fault("reserve", "down")
    with pytest.raises(requests.ConnectionError):
        shop.reserve(2)
    assert (shop.did(), shop.find().status_code, shop.available) == ([], 404, 5)


@pytest.mark.parametrize(("kind", "expected"), [("fail", (500, "internal")), ("refuse", (409, "out_of_stock"))])
def test_a_warehouse_that_fails_or_refuses_does_nothing(shop: Caller, kind: str, expected: tuple[int, str]) -> None:
    shop.fault("reserve", kind)
    assert code(shop.reserve(2)) == expected
    assert (shop.did(), shop.find().status_code) == ([], 404)
    assert shop.reserve(2).status_code == 201


def test_faults_of_release_and_commit_know_the_order_by_the_key(shop: Caller) -> None:
    shop.reserve(2)
    shop.fault("commit", "refuse", code="closed_today")
    shop.fault("release", "fail")
    assert code(shop.commit()) == (409, "closed_today")
    assert code(shop.release()) == (500, "internal")
    assert shop.did() == ["reserved"]


def test_a_slow_warehouse_answers_late_and_keeps_others_waiting_for_nothing(shop: Caller) -> None:
    shop.fault("reserve", "slow", delay=3)
    other = Caller(shop.standins)
    other.sku = shop.sku
    slow, quick = at_once(shop.reserve, other.reserve)
    assert (slow.status_code, quick.status_code) == (201, 201)
    assert slow.elapsed.total_seconds() >= 3 > quick.elapsed.total_seconds()


LINE = {"sku": "a", "quantity": 1}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"order": "S-1"},
        {"order": "S-1", "lines": []},
        {"order": "", "lines": [LINE]},
        {"order": 1, "lines": [LINE]},
        {"order": "S-1", "lines": [{**LINE, "quantity": 0}]},
        {"order": "S-1", "lines": [{**LINE, "quantity": 1.5}]},
        {"order": "S-1", "lines": [{**LINE, "quantity": True}]},
        {"order": "S-1", "lines": [{**LINE, "quantity": 10**20}]},
        {"order": "S-1", "lines": [{**LINE, "sku": "nul\0"}]},
    ],
)
def test_a_body_that_makes_no_sense_gets_400(shop: Caller, body: Any) -> None:
    answer = shop.post("/reservations", body, shop.key)
    assert code(answer) == (400, "invalid")
    assert answer.json()["error"]["message"]


def test_a_call_that_is_not_json_or_has_no_key_gets_400(shop: Caller) -> None:
    headers = {"Idempotency-Key": shop.key}
    for body in (b"", b"{", b"\xff"):
        assert code(requests.post(f"{shop.url}/reservations", data=body, headers=headers, timeout=10)) == (
            400,
            "invalid",
        )
    wish = {"order": shop.order, "lines": [{"sku": shop.sku, "quantity": 1}]}
    for key in (None, "", "k" * 256):
        assert code(shop.post("/reservations", wish, key)) == (400, "invalid")
    assert code(shop.release("nul%00")) == (400, "invalid")


def test_a_key_may_hold_any_sign(shop: Caller) -> None:
    shop.key = "run/1:step 2?&"
    quoted = f"{shop.url}/reservations/run%2F1%3Astep%202%3F%26"
    shop.reserve(1)
    assert requests.post(f"{quoted}/commit", timeout=10).json()["key"] == shop.key


def test_the_ledger_keeps_the_callers_trace(shop: Caller) -> None:
    trace = {"X-Request-Id": "req-42", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    body = {"order": shop.order, "lines": [{"sku": shop.sku, "quantity": 1}]}
    requests.post(f"{shop.url}/reservations", json=body, headers={"Idempotency-Key": shop.key, **trace}, timeout=10)
    [entry] = shop.standins.ledger("warehouse", shop.order)
    assert entry["request_id"] == "req-42"
    assert "a" * 32 in entry["traceparent"]


def test_the_front_page_shows_faults_ledger_and_stock(shop: Caller) -> None:
    shop.reserve(2)
    shop.fault("commit", "refuse", code="<closed>")
    page = requests.get(shop.standins.url, timeout=10)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert all(text in page.text for text in (shop.key, shop.sku, "&lt;closed&gt;", "says no, as its business may"))


def at_once(*calls: Any) -> list[requests.Response]:
    """The calls' answers; all calls leave together."""
    barrier = threading.Barrier(len(calls))

    def go(call: Any) -> requests.Response:
        barrier.wait(10)
        answer: requests.Response = call()
        return answer

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))
