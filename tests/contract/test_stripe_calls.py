"""How calls are answered at the card processor: keys, parameters, lists, events, and the shape of each answer.

Each test names the page of https://docs.stripe.com that promises it. Set STRIPE_TEST_KEY to run it against Stripe.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import stripe

from tests.contract.processors import ALWAYS, BACK, SECURE, Processor, by, charge, stripe_itself
from tests.contract.shapes import CLASSES, misfits
from tests.support.standins import API_KEY, Standins
from tests.support.workers import until

STATES = ("created", "held", "captured", "asked")


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
