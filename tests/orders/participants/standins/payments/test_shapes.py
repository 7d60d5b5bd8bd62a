"""What the payments stand-in answers is what the SDK's classes say: each field is known, and of the type they name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.contract.shapes import CLASSES, fits, hints, misfits
from tests.orders.participants.standins.payments.sdk_client import Shop
from tests.support.standins import Standins


@pytest.fixture(scope="module")
def found(standins_process: Standins) -> dict[str, dict[str, Any]]:
    """An object of each kind and state that the stand-in can be in, by a name for it."""
    shop = Shop(standins_process)
    return {name: answer.to_dict() for name, answer in states(shop)}


def states(shop: Shop) -> Iterator[tuple[str, stripe.StripeObject]]:
    intents, back = shop.intents, {"return_url": "https://shop.example/"}
    yield "created", shop.create()
    yield "held", (held := shop.held())
    yield "cancelled", intents.cancel(held.id, {"expand": ["latest_charge"]})
    asked = intents.confirm(shop.create("pm_card_threeDSecure2Required").id, {"return_url": back["return_url"]})
    yield "asked", asked
    yield "asked by script", intents.confirm(shop.create("pm_card_authenticationRequired").id)
    declined = shop.create("pm_card_chargeDeclined")
    with pytest.raises(stripe.CardError):
        intents.confirm(declined.id)
    yield "declined", intents.retrieve(declined.id, {"expand": ["latest_charge"]})
    charged = intents.capture(shop.held("pm_card_createDispute").id, {"expand": ["latest_charge"]})
    yield "charged", charged
    yield "disputed", (dispute := shop.api.disputes.list({"payment_intent": charged.id}).data[0])
    yield "given in", shop.api.disputes.close(dispute.id)
    paid = intents.capture(shop.held("pm_card_refundFail").id)
    yield "refunded", shop.api.refunds.create({"payment_intent": paid.id, "amount": 100, "expand": ["charge"]})
    yield "charge with refunds", shop.api.charges.retrieve(str(paid.latest_charge), {"expand": ["refunds"]})
    for event in shop.api.events.list({"limit": 30}).data:
        yield f"event {event.type}", event
    endpoint = shop.api.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["charge.updated"]})
    shop.api.webhook_endpoints.delete(endpoint.id)
    yield "endpoint", endpoint


def test_every_field_is_one_of_stripes_and_of_its_type(found: dict[str, dict[str, Any]]) -> None:
    assert [wrong for name, answer in found.items() for wrong in misfits(answer, CLASSES[answer["object"]], name)] == []


def test_no_field_is_missing_that_stripe_always_sends(found: dict[str, dict[str, Any]]) -> None:
    lacking = {
        f"{answer['object']}.{name}"
        for answer in found.values()
        for name, hint in hints(CLASSES[answer["object"]]).items()
        if name not in answer and not fits(None, hint)
    }
    assert lacking == set()


def test_an_event_carries_an_object_of_the_right_shape(found: dict[str, dict[str, Any]]) -> None:
    carried = [answer["data"]["object"] for answer in found.values() if answer["object"] == "event"]
    assert carried
    assert [wrong for one in carried for wrong in misfits(one, CLASSES[one["object"]], one["object"])] == []


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"colour": "red"}, "colour is not a field of PaymentIntent"),
        ({"amount": "12"}, "amount is '12'"),
        ({"status": "nearly_there"}, "status is 'nearly_there'"),
        ({"currency": None}, "currency is None"),
        ({"next_action": {"type": 1}}, "next_action.type is 1"),
        ({"metadata": {"order": 1}}, "metadata.order is 1"),
    ],
)
def test_the_check_sees_a_field_that_is_wrong(spoilt: dict[str, Any], said: str) -> None:
    [wrong] = misfits(spoilt, stripe.PaymentIntent, "intent")
    assert said in wrong
