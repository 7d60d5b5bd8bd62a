"""The warehouse stand-in over HTTP: its faults, calls that make no sense, its ledger and its page."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .caller import Caller, at_once, code


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
