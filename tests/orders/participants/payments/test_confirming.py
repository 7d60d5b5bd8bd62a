"""A payment that the customer must confirm with their bank (3-D Secure), as the shop's client meets it."""

from __future__ import annotations

import pytest

from orders.participants import payments
from orders.participants.errors import AnswerLost
from sagas.errors import Refused
from tests.support.standins import Standins

from .order_payment import BACK, IN_TIME, Paying, answer

ASKS = "pm_card_threeDSecure2Required"


@pytest.fixture
def order(standins: Standins) -> Paying:
    return Paying(standins, ASKS)


def test_the_caller_learns_where_the_customer_confirms_and_nothing_is_held(order: Paying) -> None:
    action = order.action()
    assert action.url.startswith(order.standins.url)
    assert order.did() == []


def test_asking_again_sees_the_confirmation_and_not_the_answer_that_the_key_remembers(order: Paying) -> None:
    action = order.action()
    assert order.action() == action
    assert answer(action.url, "confirm").startswith(BACK)
    assert order.authorize() == payments.Authorization(action.intent_id, 4200, "EUR")
    assert order.did() == ["authorized"]


def test_a_customer_who_refuses_is_a_refusal_with_a_code_of_its_own(order: Paying) -> None:
    answer(order.action().url, "refuse")
    with pytest.raises(Refused) as refusal:
        order.authorize()
    assert refusal.value.code == "authentication_failed"
    assert order.did() == []


def test_a_payment_that_was_let_go_cannot_be_confirmed_any_more(order: Paying) -> None:
    action = order.action()
    order.void()
    with pytest.raises(AssertionError, match="cancelled"):
        answer(action.url, "confirm")
    with pytest.raises(Refused) as refusal:
        order.authorize()
    assert refusal.value.code == "canceled"
    assert order.balance() == (0, 0)


def test_a_payment_that_was_confirmed_in_the_last_moment_is_let_go_too(order: Paying) -> None:
    answer(order.action().url, "confirm")
    order.void()
    assert order.balance() == (0, 0)


def test_a_lost_answer_to_the_question_is_asked_for_again(order: Paying) -> None:
    order.fault("confirm", "lose_answer")
    with pytest.raises(AnswerLost):
        order.authorize()
    assert order.action().url


def test_a_confirmation_whose_every_answer_was_lost_is_found_by_its_key(order: Paying) -> None:
    answer(order.action().url, "confirm")
    found = payments.find_authorization(order.wish, key=order.number, timeout=IN_TIME)
    assert found is not None
    assert found.amount == 4200


def test_where_nobody_can_be_asked_the_question_is_a_refusal(standins: Standins) -> None:
    order = Paying(standins, ASKS)
    order.wish = payments.PaymentRequest(order.number, 4200, "EUR", ASKS, "ann@example.com")
    with pytest.raises(Refused) as refusal:
        order.authorize()
    assert refusal.value.code in {"authentication_required", "authentication_not_handled"}
