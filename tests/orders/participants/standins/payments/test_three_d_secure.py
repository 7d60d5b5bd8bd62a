"""3-D Secure at the payments stand-in: the bank asks the customer, who confirms, refuses, or comes too late."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import stripe

from tests.orders.participants.standins.payments.sdk_client import STATE, Shop

BACK = "https://shop.example/orders/1?from=bank"
SECURE = "pm_card_threeDSecure2Required"


def asked(shop: Shop, card: str = SECURE) -> stripe.PaymentIntent:
    """An intent whose customer is to confirm it."""
    return shop.intents.confirm(shop.create(card).id, {"return_url": BACK})


def page_of(intent: stripe.PaymentIntent) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    return str(intent.next_action.redirect_to_url.url)


def answer(intent: stripe.PaymentIntent, said: str) -> requests.Response:
    return requests.post(page_of(intent), data={"answer": said}, timeout=10, allow_redirects=False)


@pytest.mark.parametrize("card", [SECURE, "pm_card_authenticationRequired"])
def test_the_customer_is_sent_to_the_bank_and_nothing_is_held(shop: Shop, card: str) -> None:
    intent = asked(shop, card)
    assert (intent.status, intent.amount_capturable, intent.latest_charge) == ("requires_action", 0, None)
    assert intent.next_action is not None
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == BACK
    page = requests.get(page_of(intent), timeout=10)
    assert page.status_code == 200
    assert all(word in page.text for word in ("166.00 EUR", shop.order, 'value="confirm"', 'value="refuse"'))
    assert shop.did() == []


def test_a_confirmed_payment_is_held_and_the_customer_comes_back(shop: Shop) -> None:
    intent = asked(shop)
    sent = answer(intent, "confirm")
    address = urlsplit(sent.headers["Location"])
    assert (sent.status_code, address.netloc, address.path) == (303, "shop.example", "/orders/1")
    assert parse_qs(address.query) == {
        "from": ["bank"],
        "payment_intent": [intent.id],
        "payment_intent_client_secret": [intent.client_secret],
        "redirect_status": ["succeeded"],
    }
    held = shop.intents.retrieve(intent.id)
    assert (held.status, held.amount_capturable, held.next_action) == ("requires_capture", 16600, None)
    assert shop.intents.capture(intent.id).status == "succeeded"
    assert shop.did() == [("authorized", 16600), ("captured", 16600)]


def test_a_refused_payment_wants_another_card(shop: Shop) -> None:
    intent = asked(shop)
    assert parse_qs(urlsplit(answer(intent, "refuse").headers["Location"]).query)["redirect_status"] == ["failed"]
    after = shop.intents.retrieve(intent.id)
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    again = shop.intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (again.status, again.last_payment_error) == ("requires_capture", None)
    assert shop.did() == [("authorized", 16600)]


def test_only_the_first_answer_counts_and_the_page_says_so(shop: Shop) -> None:
    intent = asked(shop)
    answer(intent, "confirm")
    for said in ("confirm", "refuse"):
        late = answer(intent, said)
        assert late.status_code == 409
        assert "confirmed already" in late.text
    assert "confirmed already" in requests.get(page_of(intent), timeout=10).text
    assert shop.did() == [("authorized", 16600)]


def test_confirming_after_refusing_holds_nothing(shop: Shop) -> None:
    intent = asked(shop)
    answer(intent, "refuse")
    assert "refused already" in answer(intent, "confirm").text
    assert shop.did() == []


def test_a_payment_that_was_cancelled_meanwhile_cannot_be_confirmed(shop: Shop) -> None:
    intent = asked(shop)
    assert shop.intents.cancel(intent.id).status == "canceled"
    late = answer(intent, "confirm")
    assert late.status_code == 409
    assert "cancelled this payment" in late.text
    assert shop.did() == [("canceled", 0)]


def test_what_waits_for_the_customer_cannot_be_captured(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.intents.capture(asked(shop).id)
    assert refused.value.code == STATE


def test_the_bank_may_still_decline_what_the_customer_confirmed(shop: Shop) -> None:
    intent = asked(shop, "pm_card_threeDSecureRequiredChargeDeclined")
    assert "redirect_status=failed" in answer(intent, "confirm").headers["Location"]
    after = shop.intents.retrieve(intent.id)
    assert after.last_payment_error is not None
    assert (after.status, after.last_payment_error.code) == ("requires_payment_method", "card_declined")


@pytest.mark.parametrize(
    ("how", "decline_code"),
    [
        ({"error_on_requires_action": True}, "authentication_not_handled"),
        ({"off_session": True}, "authentication_required"),
    ],
)
def test_a_caller_who_can_ask_nobody_is_declined(shop: Shop, how: Any, decline_code: str) -> None:
    intent = shop.create(SECURE)
    with pytest.raises(stripe.CardError) as declined:
        shop.intents.confirm(intent.id, how)
    assert (declined.value.http_status, declined.value.code) == (402, "authentication_required")
    assert declined.value.error is not None
    assert declined.value.error.decline_code == decline_code
    assert shop.intents.retrieve(intent.id).status == "requires_payment_method"
    assert shop.did() == []


def test_asking_again_by_the_same_key_asks_once(shop: Shop) -> None:
    intent = shop.create(SECURE)
    first = shop.intents.confirm(intent.id, {"return_url": BACK}, {"idempotency_key": f"{shop.order}:confirm"})
    answer(first, "confirm")
    again = shop.intents.confirm(intent.id, {"return_url": BACK}, {"idempotency_key": f"{shop.order}:confirm"})
    assert again.status == "requires_action"  # the answer of its time; retrieve tells how it is now
    assert shop.intents.retrieve(intent.id).status == "requires_capture"


def test_without_a_way_back_the_shops_own_page_would_have_to_ask(shop: Shop) -> None:
    intent = shop.intents.confirm(shop.create(SECURE).id)
    assert intent.next_action is not None
    assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")


def test_methods_that_may_redirect_need_a_way_back(shop: Shop) -> None:
    intent = shop.intents.create({"amount": 500, "currency": "eur", "payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.intents.confirm(intent.id)
    assert refused.value.param == "return_url"
    with pytest.raises(stripe.InvalidRequestError) as nonsense:
        shop.intents.confirm(intent.id, {"return_url": "javascript:alert(1)"})
    assert nonsense.value.code == "url_invalid"
    assert shop.intents.confirm(intent.id, {"return_url": BACK}).status == "succeeded"
