"""A hold that expires before the charge is renewed: never a hold left behind, never two charges."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from orders.participants import intents, payments
from orders.participants.errors import AnswerLost
from sagas.errors import Refused
from tests.orders.returns.test_against_standins import forget_keys
from tests.support.standins import Standins

from .order_payment import IN_TIME, Paying, answer, until_answered

CALLS = ["capture", "retrieve", "cancel", "create", "confirm"]
"""Those that a capture of an expired hold may be made of."""


@pytest.fixture
def order(standins: Standins) -> Paying:
    return Paying(standins, "pm_card_authorizationExpires")


def test_an_expired_hold_is_renewed_and_charged_once(order: Paying) -> None:
    first = order.authorize().intent_id
    charged = order.capture(first)
    assert charged.intent_id != first
    assert charged.amount == 4200
    assert order.capture(first) == charged
    assert order.find_capture(first) == charged
    assert order.did() == ["authorized", "canceled", "authorized", "captured"]


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_lost_answer_at_any_of_its_calls_is_asked_for_again_and_charges_once(
    order: Paying, operation: str, number: int
) -> None:
    first = order.authorize().intent_id
    order.fault(operation, "lose_answer", times=number)
    charged = until_answered(lambda: order.capture(first))
    assert order.find_capture(first) == charged
    assert order.balance() == (0, 1)


@pytest.mark.parametrize("operation", CALLS)
def test_what_was_begun_and_never_answered_is_let_go(order: Paying, operation: str) -> None:
    """Given up after a lost answer: the probe says what became of it, and the undo finds the second payment too."""
    first = order.authorize().intent_id
    order.fault(operation, "lose_answer")
    with suppress(AnswerLost):
        order.capture(first)
    if order.find_capture(first) is None:
        order.void(first)
        order.void(first)
        assert order.balance() == (0, 0)
    else:
        with pytest.raises(Refused, match="refund"):
            order.void(first)
        assert order.balance() == (0, 1)


def test_a_capture_that_comes_after_the_undo_charges_nothing(order: Paying) -> None:
    """A worker that was thought dead goes on: the undo has cancelled the second payment before it was confirmed."""
    first = order.authorize().intent_id
    order.fault("create", "lose_answer")
    with pytest.raises(AnswerLost):
        order.capture(first)
    order.void(first)
    with pytest.raises(Refused) as refusal:
        order.capture(first)
    assert refusal.value.code == "authorization_expired"
    assert order.balance() == (0, 0)


@pytest.mark.parametrize("code", ["insufficient_funds", "card_declined"])
def test_a_bank_that_does_not_hold_it_again_ends_the_order(order: Paying, code: str) -> None:
    first = order.authorize().intent_id
    order.fault("confirm", "refuse", code=code)
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            order.capture(first)
        assert refusal.value.code == "authorization_expired"
    assert order.find_capture(first) is None
    order.void(first)
    assert order.balance() == (0, 0)


def test_nobody_is_there_to_confirm_a_renewal(standins: Standins) -> None:
    order = Paying(standins, "pm_card_authenticationRequired")
    answer(order.action().url, "confirm")
    first = order.authorize().intent_id
    order.fault("capture", "refuse")  # without a code: the hold has expired
    with pytest.raises(Refused) as refusal:
        order.capture(first)
    assert refusal.value.code == "authorization_expired"
    order.void(first)
    assert order.balance() == (0, 0)


@pytest.mark.parametrize("code", ["charge_expired_for_capture", "capture_charge_authorization_expired"])
def test_a_hold_that_is_said_to_be_expired_is_ended_before_another_is_made(standins: Standins, code: str) -> None:
    order = Paying(standins)
    first = order.authorize().intent_id
    order.fault("capture", "refuse", code=code)
    assert order.capture(first).amount == 4200
    assert order.did() == ["authorized", "canceled", "authorized", "captured"]


def test_a_renewal_is_found_when_the_processor_has_forgotten_its_key(order: Paying, monkeypatch) -> None:
    """A capture whose answer was lost is asked for again after a weekend on the desk."""
    first = order.authorize().intent_id
    charged = order.capture(first)
    monkeypatch.setattr(intents, "KEYS_LAST", timedelta(seconds=-1))
    forget_keys()
    assert order.find_capture(first) == charged
    assert order.capture(first) == charged
    with pytest.raises(Refused, match="refund"):
        order.void(first)
    assert order.balance() == (0, 1)


@pytest.mark.parametrize("asked_again", [False, True], ids=["undone", "asked again, then undone"])
def test_a_hold_is_found_when_the_processor_has_forgotten_its_key(
    standins: Standins, monkeypatch: pytest.MonkeyPatch, asked_again: bool
) -> None:
    """Its answer was lost, and nobody looked after the order for more than a day."""
    order = Paying(standins)
    order.wish = replace(order.wish, begun=timezone.now())
    held = order.authorize()
    monkeypatch.setattr(intents, "KEYS_LAST", timedelta(seconds=-1))
    forget_keys()
    assert payments.find_authorization(order.wish, key=order.number, timeout=IN_TIME) == held
    if asked_again:
        assert order.authorize() == held
    order.void()
    assert order.did() == ["authorized", "canceled"]


def test_a_payment_that_somebody_cancelled_is_not_made_again(standins: Standins) -> None:
    order = Paying(standins)
    first = order.authorize().intent_id
    order.void(first)
    with pytest.raises(Refused):
        order.capture(first)
    assert order.balance() == (0, 0)


def test_without_leave_to_renew_an_expired_hold_is_a_refusal(order: Paying) -> None:
    first = order.authorize().intent_id
    with pytest.raises(Refused):
        payments.capture(first, key=f"{order.number}:capture", timeout=IN_TIME)
    assert order.did() == ["authorized", "canceled"]
