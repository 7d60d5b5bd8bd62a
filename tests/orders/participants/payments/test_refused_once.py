"""The bank says no once, and is well again: whoever asks again is heard, though it remembers its first answer.

A no that stands, such as a declined card, stays a no, and the bank is not asked anew.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orders.participants import intents
from orders.participants.errors import AnswerLost, RefusalRemembered
from sagas.errors import Refused
from tests.support.standins import Standins

from .order_payment import Paying

EXPIRED = "charge_expired_for_capture"


@pytest.fixture
def order(standins: Standins) -> Paying:
    return Paying(standins)


def refused(ask: Callable[[], object], times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Refused):
            ask()


def test_a_hold_whose_release_was_refused_is_let_go_when_asked_again(order: Paying) -> None:
    held = order.authorize().intent_id
    order.fault("cancel", "refuse")
    refused(lambda: order.void(held))
    order.void(held)
    assert order.did() == ["authorized", "canceled"]
    order.void(held)
    assert order.balance() == (0, 0)


def test_it_is_found_by_its_key_alone_too(order: Paying) -> None:
    order.authorize()
    order.fault("cancel", "refuse")
    refused(order.void)
    order.void()
    assert order.did() == ["authorized", "canceled"]


def test_a_person_may_try_as_often_as_they_like(order: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents, "MOST_KEYS", 2)
    held = order.authorize().intent_id
    order.standins.fault("payments", operation="cancel", kind="refuse", order=order.number)
    refused(lambda: order.void(held), times=4)
    order.standins.clear()
    order.void(held)
    assert order.did() == ["authorized", "canceled"]


def test_a_capture_that_was_refused_for_a_passing_reason_charges_once_when_asked_again(order: Paying) -> None:
    held = order.authorize().intent_id
    order.fault("capture", "refuse", code="processing_error")
    refused(lambda: order.capture(held))
    assert order.capture(held) == order.capture(held)
    assert order.did() == ["authorized", "captured"]


def test_an_expired_hold_is_renewed_though_its_end_was_refused_once(order: Paying) -> None:
    first = order.authorize().intent_id
    order.fault("capture", "refuse", code=EXPIRED)
    order.fault("cancel", "refuse")
    refused(lambda: order.capture(first))
    order.standins.fault("payments", operation="capture", kind="refuse", order=order.number, times=2, code=EXPIRED)
    assert order.capture(first).intent_id != first
    assert order.balance() == (0, 1)


def test_a_renewed_hold_whose_release_was_refused_is_let_go_when_asked_again(standins: Standins) -> None:
    order = Paying(standins, "pm_card_authorizationExpires")
    first = order.authorize().intent_id
    order.fault("confirm", "lose_answer")
    with pytest.raises(AnswerLost):
        order.capture(first)
    standins.fault("payments", operation="cancel", kind="refuse", order=order.number)
    refused(lambda: order.void(first))
    assert order.balance() == (4200, 0)
    standins.clear()
    order.void(first)
    assert order.balance() == (0, 0)


def test_a_declined_card_stays_declined_and_its_bank_is_asked_once(standins: Standins) -> None:
    order = Paying(standins, "pm_card_visa_chargeDeclined")
    refused(order.authorize)
    with pytest.raises(RefusalRemembered) as no:
        order.authorize()
    assert no.value.code == "card_declined"
    assert order.did() == []


def test_an_order_whose_payment_was_refused_in_the_making_holds_nothing(order: Paying) -> None:
    order.fault("create", "refuse")
    refused(order.authorize, times=2)
    order.void()
    assert order.did() == []
