"""Stripe remembers a 500 for a day: asking again under its key is pointless, and the payment itself says what became.

The stand-in's own 500s are not remembered but for one card, so that here something stands between it and the client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from orders.participants import http
from orders.participants.errors import AnswerLost, FailureRemembered
from sagas.errors import Refused
from tests.support.standins import Standins

from .order_payment import Paying, until_answered

APPLIED = pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])


@dataclass
class FailsInside:
    """Answers the first `keys` keys of an operation with a 500, the same one ever after.

    `applied`: the call was carried out all the same.
    """

    operation: str
    applied: bool
    send: Callable[..., requests.Response]
    keys: int = 1
    failed: set[str] = field(default_factory=set)

    def __call__(self, method: str, url: str, **options: Any) -> requests.Response:
        key = options["headers"].get("Idempotency-Key", "")
        here = url.endswith(self.operation) and method.upper() == "POST"
        if key in self.failed:
            return failure(replayed=True)
        if not here or len(self.failed) == self.keys:
            return self.send(method, url, **options)
        self.failed.add(key)
        if self.applied:
            self.send(method, url, **options)
        return failure(replayed=False)


def failure(*, replayed: bool) -> requests.Response:
    response = requests.Response()
    response.status_code = 500
    response._content = b'{"error": {"type": "api_error", "message": "Something went wrong on our side."}}'
    response.headers.update({"Idempotent-Replayed": "true"} if replayed else {})
    return response


@pytest.fixture
def order(standins: Standins) -> Paying:
    return Paying(standins)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def start(operation: str, *, applied: bool, keys: int = 1) -> None:
        monkeypatch.setattr(http, "send", FailsInside(operation, applied, http.send, keys))

    return start


@APPLIED
def test_a_capture_that_failed_for_good_charges_once_all_the_same(order: Paying, fails, applied: bool) -> None:
    held = order.authorize().intent_id
    fails("/capture", applied=applied)
    assert until_answered(lambda: order.capture(held), most=2).amount == 4200
    assert order.did() == ["authorized", "captured"]


@APPLIED
def test_a_confirmation_that_failed_for_good_holds_once_all_the_same(order: Paying, fails, applied: bool) -> None:
    fails("/confirm", applied=applied)
    with pytest.raises(AnswerLost):
        order.authorize()
    held = order.authorize()
    assert order.authorize() == held
    assert order.did() == ["authorized"]


@APPLIED
def test_a_cancel_that_failed_for_good_lets_go_once_all_the_same(order: Paying, fails, applied: bool) -> None:
    held = order.authorize().intent_id
    fails("/cancel", applied=applied)
    with pytest.raises(AnswerLost):
        order.void(held)
    order.void(held)
    assert order.did() == ["authorized", "canceled"]


@APPLIED
def test_an_intent_whose_making_failed_for_good_is_made_anew_and_found_by_all(order: Paying, fails, applied) -> None:
    fails("/payment_intents", applied=applied)
    with pytest.raises(AnswerLost):
        order.authorize()
    assert order.authorize().amount == 4200
    order.void()
    assert order.balance() == (0, 0)


def test_a_second_key_that_fails_for_good_is_followed_by_a_third(order: Paying, fails) -> None:
    held = order.authorize().intent_id
    fails("/capture", applied=False, keys=2)
    assert until_answered(lambda: order.capture(held), most=3).amount == 4200
    assert order.balance() == (0, 1)


def test_a_processor_that_fails_under_every_key_stays_in_doubt_and_is_not_asked_for_ever(order: Paying, fails) -> None:
    held = order.authorize().intent_id
    fails("/capture", applied=False, keys=100)
    for _ in range(12):
        with pytest.raises(AnswerLost) as lost:
            order.capture(held)
        assert not isinstance(lost.value, FailureRemembered)
    assert order.find_capture(held) is None
    order.void(held)
    assert order.balance() == (0, 0)


def test_the_stand_ins_card_whose_confirmation_fails_for_good_is_let_go(standins: Standins) -> None:
    order = Paying(standins, "pm_card_serverError")
    for _ in range(3):
        with pytest.raises(AnswerLost):
            order.authorize()
    order.void()
    with pytest.raises(Refused):
        order.authorize()
    assert order.balance() == (0, 0)
