"""What the shop relies on at the card processor, held against the stand-in, and against Stripe where a key is set.

Each test names the page of https://docs.stripe.com that promises it. Set STRIPE_TEST_KEY to run it against Stripe.
Here is what moves money; `test_stripe_calls.py` has keys, parameters, lists and shapes.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import stripe

from orders.participants import payments, refunding
from sagas.errors import Refused
from tests.contract.processors import ALWAYS, BACK, IN_TIME, SECURE, Processor, charge, charge_of, hold
from tests.support.workers import until

STATE = "payment_intent_unexpected_state"
DAY = 24 * 3600


def test_an_amount_is_held_and_captured_once(processor: Processor) -> None:
    """/payments/place-a-hold-on-a-payment-method"""
    held = hold(processor)
    assert (held.amount, held.currency) == (4200, "EUR")
    assert held == hold(processor)
    assert payments.find_authorization(processor.request(), key=processor.order, timeout=IN_TIME) == held
    assert payments.find_capture(held.intent_id, timeout=IN_TIME) is None
    charged = payments.capture(held.intent_id, key=f"{processor.order}:capture", timeout=IN_TIME)
    assert charged == payments.Capture(held.intent_id, 4200)
    assert payments.capture(held.intent_id, key=f"{processor.order}:other", timeout=IN_TIME) == charged
    assert payments.find_capture(held.intent_id, timeout=IN_TIME) == charged


def test_a_charge_says_until_when_it_can_be_captured(processor: Processor) -> None:
    """/payments/place-a-hold-on-a-payment-method: `capture_before` on the charge, some days ahead."""
    found = charge_of(processor, hold(processor).intent_id).to_dict()
    assert DAY < found["payment_method_details"]["card"]["capture_before"] - time.time() < 31 * DAY
    assert (found["captured"], found["amount_captured"], found["disputed"]) == (False, 0, False)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
    ],
)
def test_a_declined_card_is_refused_with_the_banks_reason(processor: Processor, card: str, code: str) -> None:
    """/testing#declined-payments"""
    with pytest.raises(Refused) as refused:
        hold(processor, card)
    assert refused.value.code == code
    assert payments.find_authorization(processor.request(card), key=processor.order, timeout=IN_TIME) is None


def test_a_bank_that_asks_the_customer_sends_it_to_a_page(processor: Processor) -> None:
    """/payments/3d-secure/authentication-flow"""
    made = processor.create(SECURE, automatic_payment_methods=ALWAYS)
    asked = processor.api.payment_intents.confirm(made.id, {"return_url": BACK})
    assert (asked.status, asked.amount_capturable) == ("requires_action", 0)
    assert asked.next_action.type == "redirect_to_url"
    assert asked.next_action.redirect_to_url.return_url == BACK
    assert asked.next_action.redirect_to_url.url.startswith("http")
    with pytest.raises(stripe.InvalidRequestError) as early:
        processor.api.payment_intents.capture(made.id)
    assert early.value.code == STATE
    assert processor.api.payment_intents.cancel(made.id).status == "canceled"


def test_the_shop_sends_the_customer_to_that_page_and_lets_go_when_nobody_confirms(processor: Processor) -> None:
    """The same, through the shop's own client."""
    with pytest.raises(payments.ActionRequired) as asked:
        hold(processor, SECURE, return_url=BACK)
    assert asked.value.action.url.startswith("http")
    request = replace(processor.request(SECURE), return_url=BACK)
    assert payments.find_authorization(request, key=processor.order, timeout=IN_TIME) is None
    payments.void(request, key=processor.order, timeout=IN_TIME)
    intent = asked.value.action.intent_id
    whose = payments.Owner(request.order_number, intent, request.amount, request.currency)
    assert payments.state_of(intent, whose=whose, timeout=IN_TIME) == "canceled"


def test_a_bank_that_may_ask_nobody_declines(processor: Processor) -> None:
    """/payments/without-card-authentication: the decline code is authentication_not_handled."""
    made = processor.create(SECURE)
    with pytest.raises(stripe.CardError) as declined:
        processor.api.payment_intents.confirm(made.id, {"error_on_requires_action": True})
    assert (declined.value.http_status, declined.value.code) == (402, "authentication_required")
    assert declined.value.error is not None
    assert declined.value.error.decline_code == "authentication_not_handled"
    assert processor.api.payment_intents.retrieve(made.id).status == "requires_payment_method"


def test_methods_that_may_redirect_need_a_way_back(processor: Processor) -> None:
    """/api/payment_intents/create#create_payment_intent-automatic_payment_methods-allow_redirects"""
    made = processor.create(automatic_payment_methods=ALWAYS)
    with pytest.raises(stripe.InvalidRequestError):
        processor.api.payment_intents.confirm(made.id)


def test_a_hold_is_let_go_and_never_captured(processor: Processor) -> None:
    """/api/payment_intents/cancel"""
    held = hold(processor)
    for _ in range(2):
        payments.void(processor.request(), key=processor.order, timeout=IN_TIME, intent_id=held.intent_id)
    with pytest.raises(Refused) as refused:
        payments.capture(held.intent_id, key=f"{processor.order}:capture", timeout=IN_TIME)
    assert refused.value.code == STATE
    after = charge_of(processor, held.intent_id)
    assert (after.captured, after.amount_captured, after.amount_refunded) == (False, 0, 4200)


def test_what_is_captured_is_not_let_go(processor: Processor) -> None:
    """/api/payment_intents/cancel"""
    held = hold(processor)
    payments.capture(held.intent_id, key=f"{processor.order}:capture", timeout=IN_TIME)
    with pytest.raises(Refused) as refused:
        payments.void(processor.request(), key=processor.order, timeout=IN_TIME, intent_id=held.intent_id)
    assert refused.value.code == "already_captured"


def test_a_part_can_be_captured_and_the_rest_is_let_go(processor: Processor) -> None:
    """/api/payment_intents/capture: any additional amount is automatically refunded."""
    held = hold(processor)
    processor.api.payment_intents.capture(held.intent_id, {"amount_to_capture": 1000})
    after = charge_of(processor, held.intent_id)
    assert (after.amount, after.amount_captured, after.amount_refunded) == (4200, 1000, 3200)
    assert refunding.refund(held.intent_id, key=f"{processor.order}:refund", timeout=IN_TIME).amount == 1000


def test_refunds_are_made_in_parts_and_never_exceed_the_charge(processor: Processor) -> None:
    """/refunds"""
    charged = charge(processor)
    intent, key = str(charged.payment_intent), processor.order
    part = refunding.refund(intent, key=f"{key}:1", timeout=IN_TIME, amount=1200)
    assert refunding.refund(intent, key=f"{key}:1", timeout=IN_TIME, amount=1200) == part
    with pytest.raises(Refused):
        refunding.refund(intent, key=f"{key}:2", timeout=IN_TIME, amount=3001)
    assert refunding.refund(intent, key=f"{key}:3", timeout=IN_TIME).amount == 3000
    with pytest.raises(Refused) as nothing:
        refunding.refund(intent, key=f"{key}:4", timeout=IN_TIME)
    assert nothing.value.code == "charge_already_refunded"
    listed = processor.api.refunds.list({"payment_intent": intent}).data
    assert [(one.amount, one.status) for one in listed] == [(3000, "succeeded"), (1200, "succeeded")]
    assert charge_of(processor, intent).refunded


def test_a_refund_that_will_fail_begins_as_succeeded(processor: Processor) -> None:
    """/testing#refunds"""
    charged = charge(processor, "pm_card_refundFail")
    assert processor.api.refunds.create({"payment_intent": charged.payment_intent}).status == "succeeded"


def test_a_disputed_charge_is_not_refunded(processor: Processor) -> None:
    """/testing#disputes and /error-codes#charge-disputed"""
    charged = charge(processor, "pm_card_createDispute")
    until(lambda: processor.api.charges.retrieve(charged.id).disputed, 60, what="the dispute")
    [dispute] = processor.api.disputes.list({"charge": charged.id}).data
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 4200, "fraudulent")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        processor.api.refunds.create({"payment_intent": charged.payment_intent})
    assert refused.value.code == "charge_disputed"
