"""An answer of a participant that does not say what it must is no answer: it is asked for again, in clear words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from celery.utils.serialization import get_pickleable_exception

from orders.errors import OrderChanged
from orders.participants import carrier, flight, hotel, http, warehouse
from orders.participants.errors import AnswerLost, ConnectionLost, Unreadable
from sagas import Refused, RetryAfter, WrongState

IN_TIME = timedelta(seconds=1)
STAY = hotel.Stay("h", date(2026, 12, 1), 1, 100)
CALLS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "carrier.book": (
        lambda: carrier.book("S-1", key="k", timeout=IN_TIME),
        {"key": "k", "label": "L", "status": "booked"},
    ),
    "carrier.find": (lambda: carrier.find("k"), {"key": "k", "label": "L", "status": "booked"}),
    "carrier.dispatch": (lambda: carrier.dispatch("k", timeout=IN_TIME), {"key": "k", "tracking": "T"}),
    "carrier.recall": (lambda: carrier.recall("T", key="k", timeout=IN_TIME), {"tracking": "T", "status": "stopped"}),
    "warehouse.reserve": (
        lambda: warehouse.reserve("S-1", [("mug", 1)], key="k", timeout=IN_TIME),
        {"key": "k", "status": "reserved", "lines": [{"sku": "mug", "quantity": 1}]},
    ),
    "warehouse.commit": (
        lambda: warehouse.commit("k", timeout=IN_TIME),
        {"key": "k", "status": "committed", "lines": [{"sku": "mug", "quantity": 1}]},
    ),
    "warehouse.take_back": (
        lambda: warehouse.take_back("S-1", [("mug", 1)], key="k", timeout=IN_TIME),
        {"key": "k", "status": "shelved"},
    ),
    "warehouse.stock": (warehouse.stock, {"results": [{"sku": "mug", "available": 3}]}),
    "flight.book": (lambda: flight.book("S-1", "SA1", 1, key="k", timeout=IN_TIME), {"key": "k", "status": "booked"}),
    "flight.issue_ticket": (lambda: flight.issue_ticket("k", timeout=IN_TIME), {"key": "k", "ticket": "N"}),
    "flight.offers": (
        flight.offers,
        {
            "results": [
                {
                    "code": "a",
                    "name": "b",
                    "city": "c",
                    "departs": "2026-12-01",
                    "price": 1,
                    "currency": "EUR",
                    "left": 1,
                }
            ]
        },
    ),
    "hotel.book": (
        lambda: hotel.book("S-1", STAY, key="k", timeout=IN_TIME),
        {"key": "k", "reference": "R", "status": "booked"},
    ),
    "hotel.offers": (
        hotel.offers,
        {
            "results": [
                {
                    "code": "a",
                    "name": "b",
                    "city": "c",
                    "price": 1,
                    "currency": "EUR",
                    "nights": [{"night": "2026-12-01", "left": 2}],
                }
            ]
        },
    ),
}
WRONG: dict[str, Any] = {
    "nothing": None,
    "another kind": {},
    "no text": "",
    "many digits": 10**30,
    "yes or no": True,
    "a list": [1],
}


def spoilt(body: Any) -> list[tuple[str, Any]]:
    """The body with one field missing, or of another kind, wherever the field stands: what is wrong, and the body."""
    found: list[tuple[str, Any]] = []
    for name, value in body.items():
        rest = {other: kept for other, kept in body.items() if other != name}
        found.append((f"no {name}", rest))
        found += [(f"{name} is {what}", rest | {name: wrong}) for what, wrong in WRONG.items()]
        if isinstance(value, list):
            found += [(what, rest | {name: [inner]}) for what, inner in spoilt(value[0])]
    return found


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_that_cannot_be_used_is_an_answer_that_was_lost(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    call, right = CALLS[name]
    said: list[Any] = []
    monkeypatch.setattr(http, "call", lambda *_args, **_given: http.Answer(200, said[-1]))
    said.append(right)
    call()
    for what, body in spoilt(right):
        said.append(body)
        with pytest.raises(Unreadable, match="gave an answer that cannot be used: '") as caught:
            call()
        assert isinstance(caught.value, AnswerLost), what


def test_the_words_name_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "call", lambda *_args, **_given: http.Answer(200, {"key": "k"}))
    with pytest.raises(Unreadable, match=r"^carrier: .* 'tracking' is to be a text, and it is missing$"):
        carrier.dispatch("k", timeout=IN_TIME)


def test_what_no_database_stores_is_left_out_of_an_answer_and_of_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        http, "call", lambda *_args, **_given: http.Answer(200, {"key": "k", "tracking": "T\x00\ud800"})
    )
    assert carrier.dispatch("k", timeout=IN_TIME).tracking == "T�"
    with pytest.raises(Refused) as refusal:
        http.Answer(409, {"error": {"code": "n\x00o" * 300, "message": "\ud800"}}).accepted()
    assert (refusal.value.code, refusal.value.text) == (("no" * 300)[:100], "�")


@pytest.mark.parametrize("code", [None, 5, {"a": 1}, ""])
def test_a_code_that_is_no_text_is_no_code(code: Any) -> None:
    with pytest.raises(AnswerLost):
        http.Answer(409, {"error": {"code": code}}).accepted()


def test_errors_are_logged_by_celery_under_their_own_names() -> None:
    for error in (
        AnswerLost("carrier", "answered 500"),
        ConnectionLost("carrier", "answered 502"),
        Refused("no", "No."),
        RetryAfter(timedelta(seconds=2)),
        WrongState("retry", "paused"),
        OrderChanged("S-1"),
    ):
        assert get_pickleable_exception(error) is error
