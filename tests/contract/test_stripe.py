"""What the shop relies on at the card processor, held against the stand-in, and against Stripe where a key is set.

Each test names the page of https://docs.stripe.com that promises it. Set STRIPE_TEST_KEY to run it against Stripe.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import stripe

from orders.participants import payments
from sagas.errors import Refused
from tests.contract.processors import IN_TIME, Processor, by, stripe_itself
from tests.contract.shapes import CLASSES, misfits
from tests.standins import API_KEY, Standins
from tests.workers import until

STATE = "payment_intent_unexpected_state"
BACK = "https://shop.example/orders/1"
ALWAYS = {"enabled": True, "allow_redirects": "always"}
SECURE = "pm_card_authenticationRequired"
STATES = ("created", "held", "captured", "asked")
DAY = 24 * 3600


def hold(processor: Processor, card: str = "pm_card_visa") -> payments.Authorization:
    return payments.authorize(processor.request(card), key=processor.order, timeout=IN_TIME)


def charge(processor: Processor, card: str = "pm_card_visa") -> stripe.Charge:
    """Held and captured."""
    intent = hold(processor, card).intent_id
    payments.capture(intent, key=f"{processor.order}:capture", timeout=IN_TIME)
    return charge_of(processor, intent)


def charge_of(processor: Processor, intent: str) -> stripe.Charge:
    expanded = processor.api.payment_intents.retrieve(intent, {"expand": ["latest_charge"]}).latest_charge
    assert isinstance(expanded, stripe.Charge)
    return expanded


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
    assert payments.refund(held.intent_id, key=f"{processor.order}:refund", timeout=IN_TIME).amount == 1000


def test_refunds_are_made_in_parts_and_never_exceed_the_charge(processor: Processor) -> None:
    """/refunds"""
    charged = charge(processor)
    intent, key = str(charged.payment_intent), processor.order
    part = payments.refund(intent, key=f"{key}:1", timeout=IN_TIME, amount=1200)
    assert payments.refund(intent, key=f"{key}:1", timeout=IN_TIME, amount=1200) == part
    with pytest.raises(Refused):
        payments.refund(intent, key=f"{key}:2", timeout=IN_TIME, amount=3001)
    assert payments.refund(intent, key=f"{key}:3", timeout=IN_TIME).amount == 3000
    with pytest.raises(Refused) as nothing:
        payments.refund(intent, key=f"{key}:4", timeout=IN_TIME)
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


def test_a_key_is_answered_the_same_way_again(processor: Processor) -> None:
    """/api/idempotent_requests"""
    key = uuid.uuid4().hex
    first = processor.create(key=key)
    again = processor.create(key=key)
    assert again.to_dict() == first.to_dict()
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    processor.api.payment_intents.confirm(first.id)
    assert processor.create(key=key).status == "requires_confirmation"  # the answer of its time
    with pytest.raises(stripe.IdempotencyError):
        processor.create(key=key, amount=4300)


def test_a_decline_is_remembered_for_its_key(processor: Processor) -> None:
    """/api/idempotent_requests: whether it succeeds or fails."""
    made, key = processor.create("pm_card_visa_chargeDeclined"), uuid.uuid4().hex
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            processor.api.payment_intents.confirm(made.id, {}, by(key))
    assert (declined.value.headers or {})["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"amount": "12.50"}, "parameter_invalid_integer"),
        ({"colour": "red"}, "parameter_unknown"),
        ({"receipt_email": "ann"}, "email_invalid"),
        ({"payment_method": "pm_card_unheardOf"}, "resource_missing"),
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported"),
    ],
)
def test_a_wrong_parameter_is_named(processor: Processor, wrong: dict[str, Any], code: str) -> None:
    """/error-codes; the last one is in the changelog of 2026-09-30.endive."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        processor.create(**wrong)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, next(iter(wrong)))


def test_what_is_not_there_is_missing(processor: Processor) -> None:
    """/error-codes#resource-missing"""
    for call in (processor.api.payment_intents.retrieve, processor.api.payment_intents.capture):
        with pytest.raises(stripe.InvalidRequestError) as missing:
            call("pi_0000000000000000000000")
        assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")


def test_a_wrong_access_key_is_turned_away(processor: Processor) -> None:
    """/api/errors: 401. The stand-in takes any key, but not none."""
    key = "sk_test_wrong" if processor.name == "Stripe" else " "
    with pytest.raises(stripe.AuthenticationError):
        Processor(processor.name, key, processor.url).create()


def test_lists_go_back_page_by_page_from_a_moment_on(processor: Processor) -> None:
    """/api/pagination and /api/pagination/auto; what the nightly reconciliation reads."""
    begun = int(time.time()) - 5
    made = [processor.create().id for _ in range(3)]
    since = {"created": {"gte": begun}, "limit": 2}
    found = list(processor.api.payment_intents.list(since).auto_paging_iter())
    assert [one.id for one in found if one.metadata.to_dict() == {"order": processor.order}] == made[::-1]
    charged = charge(processor)
    assert charged.id in [one.id for one in processor.api.charges.list(since).auto_paging_iter()]
    [only] = processor.api.charges.list({"payment_intent": charged.payment_intent}).data
    assert only.id == charged.id
    assert processor.api.charges.list({"created": {"gt": int(time.time()) + 3600}}).data == []


def test_each_change_is_an_event(processor: Processor) -> None:
    """/api/events; those of a minute ago may be a moment late at Stripe."""
    charged = charge(processor)
    wanted = {"type": "payment_intent.succeeded", "limit": 20}

    def told() -> list[str]:
        return [event.data.object.id for event in processor.api.events.list(wanted).data]

    until(lambda: charged.payment_intent in told(), 60, what="the event")


def test_the_stand_in_says_nothing_that_stripe_does_not_say(standins: Standins) -> None:
    """Field by field, in the same state: every field of the stand-in's is one of Stripe's, null or not as there."""
    stripes = stripe_itself()
    for state in STATES:
        theirs, ours = in_state(stripes, state), in_state(beside(standins), state)
        assert set(ours) - set(theirs) == set()
        assert {name: theirs[name] for name in ours if (ours[name] is None) != (theirs[name] is None)} == {}


def test_the_stand_ins_answers_are_of_the_sdks_shape(standins: Standins) -> None:
    for state in STATES:
        assert misfits(in_state(beside(standins), state), CLASSES["payment_intent"], state) == []


def beside(standins: Standins) -> Processor:
    return Processor("the stand-in", API_KEY, f"{standins.url}/payments")


def in_state(processor: Processor, state: str) -> dict[str, Any]:
    """A new intent's JSON."""
    made = processor.create(SECURE if state == "asked" else "pm_card_visa", automatic_payment_methods=ALWAYS)
    if state != "created":
        made = processor.api.payment_intents.confirm(made.id, {"return_url": BACK, "expand": ["latest_charge"]})
    if state == "captured":
        made = processor.api.payment_intents.capture(made.id, {"expand": ["latest_charge"]})
    found: dict[str, Any] = made.to_dict()
    return found
