"""Idempotency keys at the payments stand-in: one request, one effect, one answer; races for one payment."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from tests.orders.participants.standins.payments.sdk_client import STATE, Shop, by, new_key
from tests.support.workers import until


def test_the_same_key_gives_the_same_answer_and_says_so(shop: Shop) -> None:
    form, key = {"amount": "500", "currency": "eur", "metadata[order]": shop.order}, new_key()
    first = shop.post("payment_intents", key, form=form)
    again = shop.post("payment_intents", key, form=dict(reversed(form.items())))
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.content) == (200, first.content)


def test_a_replay_gives_the_answer_of_its_time(shop: Shop) -> None:
    intent, key = shop.create(), new_key()
    shop.intents.confirm(intent.id, {}, by(key))
    shop.intents.capture(intent.id)
    assert shop.intents.confirm(intent.id, {}, by(key)).status == "requires_capture"


def test_a_key_is_good_for_one_request_only(shop: Shop) -> None:
    key = new_key()
    intent = shop.create(key=key)
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        shop.create(key=key, amount=100)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        shop.intents.confirm(intent.id, {}, by(key))
    assert shop.did() == []


def test_a_decline_is_remembered(shop: Shop) -> None:
    intent, key = shop.create("pm_card_visa_chargeDeclined"), new_key()
    first = shop.post(f"payment_intents/{intent.id}/confirm", key)
    again = shop.post(f"payment_intents/{intent.id}/confirm", key)
    assert (first.status_code, again.status_code, again.content) == (402, 402, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_500_from_inside_is_remembered(shop: Shop) -> None:
    intent, key = shop.create("pm_card_serverError"), new_key()
    for replayed in (None, "true"):
        with pytest.raises(stripe.APIError) as error:
            shop.intents.confirm(intent.id, {}, by(key))
        assert error.value.http_status == 500
        assert (error.value.headers or {}).get("Idempotent-Replayed") == replayed


def test_a_request_that_was_never_executed_is_not_remembered(shop: Shop) -> None:
    key = new_key()
    with pytest.raises(stripe.InvalidRequestError):
        shop.create("pm_card_unheardOf", key)
    assert shop.post("payment_intents", key, {"Authorization": ""}).status_code == 401
    assert shop.create(key=key).status == "requires_confirmation"


def test_a_key_that_is_too_long_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        shop.create(key="k" * 256)


def test_a_key_in_use_is_refused_until_its_request_is_answered(shop: Shop) -> None:
    held, key = shop.held(), new_key()
    shop.fault("capture", "slow", delay=1.5)
    path = f"payment_intents/{held.id}/capture"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(shop.post, path, key)
        until(lambda: not faults_left(shop), what="the slow capture has begun")
        refused = shop.post(path, key)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "idempotency_key_in_use")
        assert slow.result().status_code == 200
    assert shop.post(path, key).headers["Idempotent-Replayed"] == "true"
    assert shop.did() == [("authorized", 16600), ("captured", 16600)]


@pytest.mark.parametrize("keys", ["the same key", "keys of their own"])
def test_of_eight_racing_captures_one_charges(shop: Shop, keys: str) -> None:
    held, shared, start = shop.held(), new_key(), threading.Barrier(8)

    def capture(_number: int) -> requests.Response:
        start.wait()
        return shop.post(f"payment_intents/{held.id}/capture", shared if keys == "the same key" else new_key())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(capture, range(8)))
    fresh = [answer for answer in answers if answer.ok and "Idempotent-Replayed" not in answer.headers]
    assert len(fresh) == 1
    others = {json.loads(answer.content)["error"]["code"] for answer in answers if not answer.ok}
    assert others <= ({"idempotency_key_in_use"} if keys == "the same key" else {STATE})
    assert shop.did() == [("authorized", 16600), ("captured", 16600)]


def faults_left(shop: Shop) -> bool:
    """Whether this order has a fault that has not hit yet."""
    faults = requests.get(f"{shop.url}/_faults", timeout=10).json()["results"]
    return any(fault["order"] == shop.order and fault["times"] for fault in faults)
