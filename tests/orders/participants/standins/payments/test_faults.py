"""Faults and fault cards of the payments stand-in: what fails, what is applied, what the ledger says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.orders.participants.standins.payments.sdk_client import Shop, by, new_key
from tests.support.workers import until


def test_the_card_that_loses_answers_holds_and_charges_once(shop: Shop) -> None:
    intent, hold, charge = shop.create("pm_card_answerLost"), new_key(), new_key()
    with pytest.raises(stripe.APIConnectionError):
        shop.intents.confirm(intent.id, {}, by(hold))
    assert shop.did() == [("authorized", 16600)]
    assert shop.intents.confirm(intent.id, {}, by(hold)).status == "requires_capture"
    with pytest.raises(stripe.APIConnectionError):
        shop.intents.capture(intent.id, {}, by(charge))
    assert shop.intents.capture(intent.id, {}, by(charge)).status == "succeeded"
    assert shop.did() == [("authorized", 16600), ("captured", 16600)]


def test_the_card_that_fails_captures_fails_four_and_remembers_none(shop: Shop) -> None:
    held, key = shop.held("pm_card_captureFails"), new_key()
    for _ in range(4):
        with pytest.raises(stripe.APIError) as error:
            shop.intents.capture(held.id, {}, by(key))
        assert error.value.http_status == 500
    assert shop.did() == [("authorized", 16600)]
    assert shop.intents.capture(held.id, {}, by(key)).status == "succeeded"


@pytest.mark.parametrize("kind", ["fail", "down"])
def test_a_failure_applies_nothing_and_is_forgotten(shop: Shop, kind: str) -> None:
    held, key = shop.held(), new_key()
    shop.fault("capture", kind)
    with pytest.raises(stripe.APIError if kind == "fail" else stripe.APIConnectionError):
        shop.intents.capture(held.id, {}, by(key))
    assert shop.did() == [("authorized", 16600)]
    until(lambda: shop.post(f"payment_intents/{held.id}/capture", key).ok, 5, what="the capture works")


@pytest.mark.parametrize("operation", ["create", "confirm", "capture", "cancel", "refund"])
def test_a_lost_answer_is_given_again(shop: Shop, operation: str) -> None:
    key = new_key()
    intent = shop.create()
    if operation in {"capture", "cancel", "refund"}:
        shop.intents.confirm(intent.id)
    if operation == "refund":
        shop.intents.capture(intent.id)
    calls: dict[str, Callable[[], Any]] = {
        "create": lambda: shop.create(key=key),
        "confirm": lambda: shop.intents.confirm(intent.id, {}, by(key)),
        "capture": lambda: shop.intents.capture(intent.id, {}, by(key)),
        "cancel": lambda: shop.intents.cancel(intent.id, {}, by(key)),
        "refund": lambda: shop.api.refunds.create({"payment_intent": intent.id}, by(key)),
    }
    shop.fault(operation, "lose_answer")
    with pytest.raises(stripe.APIConnectionError):
        calls[operation]()
    done = shop.did()
    assert calls[operation]().last_response.headers["Idempotent-Replayed"] == "true"
    assert shop.did() == done


def test_a_confirmation_can_be_refused_under_either_name(shop: Shop) -> None:
    for operation in ("confirm", "authorize"):
        intent = shop.create()
        shop.fault(operation, "refuse", code="insufficient_funds")
        with pytest.raises(stripe.CardError) as refused:
            shop.intents.confirm(intent.id)
        assert refused.value.error is not None
        assert refused.value.error.decline_code == "insufficient_funds"
    assert shop.did() == []


def test_a_capture_refused_by_the_bank_finds_the_authorisation_lapsed(shop: Shop) -> None:
    held = shop.held()
    shop.fault("capture", "refuse")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.intents.capture(held.id)
    assert refused.value.code == "charge_expired_for_capture"
    assert shop.intents.retrieve(held.id).cancellation_reason == "automatic"
    assert shop.did() == [("authorized", 16600), ("canceled", 16600)]


def test_the_ledger_says_by_which_key_and_in_which_trace(shop: Shop) -> None:
    key = new_key()
    intent = shop.create()
    trace = {"X-Request-Id": "request-1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    shop.post(f"payment_intents/{intent.id}/confirm", key, trace)
    [entry] = shop.standins.ledger("payments", shop.order)
    assert (entry["key"], entry["request_id"], entry["intent"]) == (key, "request-1", intent.id)
    assert entry["traceparent"][3:35] == "a" * 32
