"""Payments at the stand-in, from the hold to the refund; called by the official Stripe SDK over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from tests.orders.participants.standins.payments.sdk_client import STATE, Shop
from tests.support.standins import API_KEY


def test_an_amount_is_held_then_charged(shop: Shop) -> None:
    created = shop.create()
    assert (created.status, created.amount_capturable, created.livemode) == ("requires_confirmation", 0, False)
    assert created.id.startswith("pi_")
    assert created.metadata.to_dict() == {"order": shop.order}
    assert shop.did() == []
    held = shop.intents.confirm(created.id)
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 16600, 0)
    assert str(held.latest_charge).startswith("ch_")
    charged = shop.intents.capture(created.id)
    assert (charged.status, charged.amount_capturable, charged.amount_received) == ("succeeded", 0, 16600)
    assert shop.intents.retrieve(created.id).to_dict() == charged.to_dict()
    assert shop.did() == [("authorized", 16600), ("captured", 16600)]


def test_creating_and_confirming_can_be_one_call(shop: Shop) -> None:
    held = shop.create(confirm=True)
    assert (held.status, shop.did()) == ("requires_capture", [("authorized", 16600)])


def test_automatic_capture_charges_at_the_confirmation(shop: Shop) -> None:
    done = shop.create(confirm=True, capture_method="automatic")
    assert (done.status, done.amount_received) == ("succeeded", 16600)
    assert shop.did() == [("authorized", 16600), ("captured", 16600)]


def test_a_payment_method_can_come_with_the_confirmation(shop: Shop) -> None:
    intent = shop.intents.create({"amount": 500, "currency": "eur", "allowed_payment_method_types": ["card"]})
    assert intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        shop.intents.confirm(intent.id)
    assert missing.value.code == STATE
    assert shop.intents.confirm(intent.id, {"payment_method": "pm_card_amex"}).status == "succeeded"


def test_less_can_be_charged_than_is_held_but_not_more(shop: Shop) -> None:
    held = shop.held()
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        shop.intents.capture(held.id, {"amount_to_capture": 16601})
    assert (too_much.value.code, too_much.value.param) == ("amount_too_large", "amount_to_capture")
    charged = shop.intents.capture(held.id, {"amount_to_capture": 1850})
    assert (charged.amount_received, charged.amount_capturable) == (1850, 0)


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_bad_card_is_declined_with_the_banks_reason(shop: Shop, card: str, code: str, decline_code: str) -> None:
    intent = shop.create(card)
    with pytest.raises(stripe.CardError) as declined:
        shop.intents.confirm(intent.id)
    said = declined.value.error
    assert said is not None
    assert (declined.value.http_status, declined.value.code, said.decline_code) == (402, code, decline_code)
    assert said.payment_intent is not None
    assert said.payment_intent.id == intent.id
    after = shop.intents.retrieve(intent.id)
    assert (after.status, after.payment_method, after.amount_capturable) == ("requires_payment_method", None, 0)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == decline_code
    assert shop.did() == []


def test_another_card_can_be_tried_after_a_decline(shop: Shop) -> None:
    intent = shop.create("pm_card_visa_chargeDeclined")
    with pytest.raises(stripe.CardError):
        shop.intents.confirm(intent.id)
    again = shop.intents.confirm(intent.id, {"payment_method": "pm_card_mastercard"})
    assert (again.status, again.last_payment_error) == ("requires_capture", None)


def test_a_held_amount_is_let_go_once_and_never_charged(shop: Shop) -> None:
    held = shop.held()
    canceled = shop.intents.cancel(held.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason, canceled.amount_capturable) == ("canceled", "abandoned", 0)
    assert canceled.canceled_at is not None
    for call in (shop.intents.cancel, shop.intents.capture, shop.intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call(held.id)
        assert (refused.value.http_status, refused.value.code) == (400, STATE)
    assert shop.did() == [("authorized", 16600), ("canceled", 16600)]


def test_an_intent_that_holds_nothing_can_be_canceled(shop: Shop) -> None:
    shop.intents.cancel(shop.create().id)
    assert shop.did() == [("canceled", 0)]


def test_a_charged_intent_is_neither_charged_again_nor_canceled(shop: Shop) -> None:
    held = shop.held()
    shop.intents.capture(held.id)
    for call in (shop.intents.capture, shop.intents.cancel, shop.intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call(held.id)
        assert refused.value.code == STATE
    assert shop.did() == [("authorized", 16600), ("captured", 16600)]


def test_no_more_is_refunded_than_was_charged(shop: Shop) -> None:
    held = shop.held()
    with pytest.raises(stripe.InvalidRequestError) as uncaptured:
        shop.api.refunds.create({"payment_intent": held.id})
    assert uncaptured.value.code == STATE
    shop.intents.capture(held.id)
    part = shop.api.refunds.create({"payment_intent": held.id, "amount": 10000})
    assert shop.api.refunds.retrieve(part.id).amount == 10000
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        shop.api.refunds.create({"payment_intent": held.id, "amount": 6601})
    assert too_much.value.param == "amount"
    assert shop.api.refunds.create({"payment_intent": held.id}).amount == 6600
    with pytest.raises(stripe.InvalidRequestError) as nothing_left:
        shop.api.refunds.create({"payment_intent": held.id})
    assert nothing_left.value.code == "charge_already_refunded"
    assert shop.did()[2:] == [("refunded", 10000), ("refunded", 6600)]


def test_intents_are_listed_newest_first_page_by_page(shop: Shop) -> None:
    made = [shop.create().id for _ in range(3)]
    page = shop.intents.list({"limit": 2})
    assert ([intent.id for intent in page.data], page.has_more) == ([made[2], made[1]], True)
    following = shop.intents.list({"limit": 1, "starting_after": made[1]})
    assert [intent.id for intent in following.data] == [made[0]]


def test_what_is_not_there_is_called_missing(shop: Shop) -> None:
    missing: list[Callable[[], Any]] = [
        lambda: shop.intents.retrieve("pi_none"),
        lambda: shop.intents.capture("pi_none"),
        lambda: shop.api.refunds.retrieve("re_none"),
        lambda: shop.api.refunds.create({"payment_intent": "pi_none"}),
        lambda: shop.create("pm_card_unheardOf"),
    ]
    seen = []
    for call in missing:
        with pytest.raises(stripe.InvalidRequestError) as error:
            call()
        assert error.value.code == "resource_missing"
        seen.append(error.value.http_status)
    assert seen == [404, 404, 404, 400, 400]


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.50"}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"currency": "euro"}, None, "currency"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"receipt_email": "ann"}, "email_invalid", "receipt_email"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"description": "nil\0"}, None, "description"),
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"allowed_payment_method_types": ["sofort"]}, None, "allowed_payment_method_types"),
        ({"automatic_payment_methods": {"enabled": True}}, None, "allowed_payment_method_types"),
    ],
)
def test_a_bad_parameter_is_named(shop: Shop, wrong: dict[str, Any], code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as error:
        shop.create(**wrong)
    assert (error.value.http_status, error.value.code, error.value.param) == (400, code, param)


def test_a_caller_without_an_api_key_is_turned_away(shop: Shop) -> None:
    for header in ("", "Bearer ", "Basic !", "Digest x"):
        assert shop.post("payment_intents", headers={"Authorization": header}).status_code == 401
    answer = requests.get(f"{shop.url}/v1/payment_intents", auth=(API_KEY, ""), timeout=10)
    assert answer.status_code == 200
