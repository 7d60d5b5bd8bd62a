"""What the payments stand-in does some time later: authorisations end, refunds fail, charges are disputed."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
import stripe

from tests.orders.participants.standins.payments.sdk_client import STATE, Shop
from tests.support.workers import until

PATIENCE = 20.0
EXPIRES = "pm_card_authorizationExpires"
WEEK = 7 * 24 * 3600


def charge_of(shop: Shop, intent: stripe.PaymentIntent) -> stripe.Charge:
    expanded = shop.intents.retrieve(intent.id, {"expand": ["latest_charge"]}).latest_charge
    assert isinstance(expanded, stripe.Charge)
    return expanded


def capture_before(charge: stripe.Charge) -> int | None:
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    return charge.payment_method_details.card.to_dict().get("capture_before")


def paid(shop: Shop, card: str = "pm_card_visa") -> stripe.PaymentIntent:
    return shop.intents.capture(shop.held(card).id)


def statement(shop: Shop) -> list[tuple[str, int]]:
    answer = requests.get(f"{shop.url}/_statement", params={"order": shop.order}, timeout=10).json()
    return [(entry["kind"], entry["amount"]) for entry in answer["entries"]]


def types(shop: Shop, intent: str, wanted: str) -> list[str]:
    """The types of the events about the payment that begin so, oldest first."""
    found = [event.to_dict() for event in shop.api.events.list({"type": wanted, "limit": 100}).data]
    about = [
        event for event in found if intent in {event["data"]["object"].get(key) for key in ("id", "payment_intent")}
    ]
    return [event["type"] for event in reversed(about)]


def test_a_charge_says_what_was_held_captured_and_given_back(shop: Shop) -> None:
    held = shop.held()
    charge = charge_of(shop, held)
    assert (charge.amount, charge.amount_captured, charge.captured, charge.paid) == (16600, 0, False, True)
    assert abs((capture_before(charge) or 0) - time.time() - WEEK) < 60
    shop.intents.capture(held.id)
    shop.api.refunds.create({"charge": charge.id, "amount": 600})
    after = shop.api.charges.retrieve(charge.id, {"expand": ["refunds", "payment_intent"]})
    assert (after.amount_captured, after.amount_refunded, after.refunded, after.disputed) == (16600, 600, False, False)
    assert capture_before(after) is None
    assert after.refunds is not None
    assert [refund.amount for refund in after.refunds.data] == [600]
    assert isinstance(after.payment_intent, stripe.PaymentIntent)


def test_a_decline_leaves_a_failed_charge(shop: Shop) -> None:
    intent = shop.create("pm_card_chargeDeclinedInsufficientFunds")
    with pytest.raises(stripe.CardError):
        shop.intents.confirm(intent.id)
    charge = charge_of(shop, intent)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, "card_declined")


@pytest.mark.parametrize("path", ["latest_card", "metadata", "status.name"])
def test_what_cannot_be_expanded_is_named(shop: Shop, path: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=path):
        shop.intents.retrieve(shop.create().id, {"expand": [path]})


def test_lists_are_paged_by_the_sdk_from_a_moment_on(shop: Shop) -> None:
    begun = int(time.time())
    made = [paid(shop).id for _ in range(3)]
    refunds = [shop.api.refunds.create({"payment_intent": made[0], "amount": 100}).id for _ in range(3)]
    yesterday: Any = {"created": "yesterday"}
    since: Any = {"created": {"gte": begun}, "limit": 2}
    of_order = [
        intent for intent in shop.intents.list(since).auto_paging_iter() if intent.metadata["order"] == shop.order
    ]
    assert [intent.id for intent in of_order] == made[::-1]
    charges = shop.api.charges.list(since).auto_paging_iter()
    assert [charge.payment_intent for charge in charges if charge.metadata["order"] == shop.order] == made[::-1]
    assert [one.id for one in shop.api.refunds.list({"payment_intent": made[0]}).data] == refunds[::-1]
    assert [one.id for one in shop.api.refunds.list(since).auto_paging_iter()][:3] == refunds[::-1]
    back = shop.api.refunds.list({"payment_intent": made[0], "ending_before": refunds[0], "limit": 1})
    assert ([one.id for one in back.data], back.has_more) == ([refunds[1]], True)
    assert shop.intents.list({"created": {"gt": int(time.time()) + 60}}).data == []
    with pytest.raises(stripe.InvalidRequestError) as wrong:
        shop.api.charges.list(yesterday)
    assert wrong.value.param == "created"


def test_an_authorisation_that_expired_is_cancelled_and_the_next_one_holds(shop: Shop) -> None:
    held = shop.held(EXPIRES)
    assert held.status == "requires_capture"
    until(lambda: shop.intents.retrieve(held.id).status == "canceled", PATIENCE, what="the authorisation to end")
    assert shop.intents.retrieve(held.id).cancellation_reason == "automatic"
    assert types(shop, held.id, "charge.expired") == ["charge.expired"]
    with pytest.raises(stripe.InvalidRequestError) as late:
        shop.intents.capture(held.id)
    assert late.value.code == STATE
    again = shop.held(EXPIRES)
    assert (capture_before(charge_of(shop, again)) or 0) > time.time() + 3600
    assert shop.intents.capture(again.id).status == "succeeded"
    assert statement(shop) == [("charge", 16600)]


def test_a_capture_that_is_quicker_than_the_upkeep_finds_it_expired_too(shop: Shop) -> None:
    seen = set()
    for _ in range(5):  # upkeep comes each second, so that most of these find it not yet come
        one = Shop(shop.standins)
        held = one.held(EXPIRES)
        with pytest.raises(stripe.InvalidRequestError) as late:
            one.intents.capture(held.id)
        seen.add(late.value.code)
        assert one.intents.retrieve(held.id).cancellation_reason == "automatic"
        assert one.did() == [("authorized", 16600), ("canceled", 16600)]
    assert "charge_expired_for_capture" in seen


def test_a_fault_ends_an_authorisation_that_is_held_already(shop: Shop) -> None:
    held = shop.held()
    shop.fault("authorization", "expire")
    until(lambda: shop.intents.retrieve(held.id).status == "canceled", PATIENCE, what="the authorisation to end")


def test_a_refund_that_fails_later_gives_the_money_back_to_the_shop(shop: Shop) -> None:
    done = paid(shop, "pm_card_refundFail")
    refund = shop.api.refunds.create({"payment_intent": done.id, "amount": 600})
    assert (refund.status, charge_of(shop, done).amount_refunded) == ("succeeded", 600)
    until(lambda: shop.api.refunds.retrieve(refund.id).status == "failed", PATIENCE, what="the refund to fail")
    assert shop.api.refunds.retrieve(refund.id).failure_reason == "unknown"
    assert charge_of(shop, done).amount_refunded == 0
    assert types(shop, done.id, "refund.*") == ["refund.created", "refund.failed", "refund.updated"]
    assert shop.did()[2:] == [("refunded", 600), ("refund_failed", 600)]
    assert statement(shop) == [("charge", 16600)]


def test_a_pending_refund_arrives_later(shop: Shop) -> None:
    done = paid(shop, "pm_card_pendingRefund")
    refund = shop.api.refunds.create({"payment_intent": done.id})
    assert (refund.status, statement(shop)) == ("pending", [("charge", 16600)])
    until(lambda: shop.api.refunds.retrieve(refund.id).status == "succeeded", PATIENCE, what="the refund to arrive")
    assert statement(shop) == [("charge", 16600), ("refund", -16600)]


def test_a_disputed_charge_cannot_be_refunded_and_giving_in_loses_it(shop: Shop) -> None:
    done = paid(shop, "pm_card_createDispute")
    [dispute] = shop.api.disputes.list({"payment_intent": done.id}).data
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 16600, "fraudulent")
    assert charge_of(shop, done).disputed
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.refunds.create({"payment_intent": done.id})
    assert refused.value.code == "charge_disputed"
    assert shop.api.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        shop.api.disputes.close(dispute.id)
    created, *_, closed = types(shop, done.id, "charge.dispute.*")
    assert (created, closed) == ("charge.dispute.created", "charge.dispute.closed")
    assert statement(shop) == [("charge", 16600), ("chargeback", -16600)]


@pytest.mark.parametrize("verdict", ["won", "lost"])
def test_a_dispute_is_opened_and_decided_by_faults(shop: Shop, verdict: str) -> None:
    done = paid(shop)
    shop.fault("dispute", "open")
    until(lambda: bool(disputes(shop, done)), PATIENCE, what="the dispute to be opened")
    shop.fault("dispute", verdict)
    until(lambda: disputes(shop, done) == [verdict], PATIENCE, what="the dispute to be decided")
    assert (shop.did()[-1][0] == "dispute_won") == (verdict == "won")


def test_a_released_authorisation_leaves_nothing_on_the_statement(shop: Shop) -> None:
    shop.intents.cancel(shop.held().id)
    assert statement(shop) == []


def test_a_refund_leaves_two_entries_on_the_statement(shop: Shop) -> None:
    shop.api.refunds.create({"payment_intent": paid(shop).id})
    assert statement(shop) == [("charge", 16600), ("refund", -16600)]


def disputes(shop: Shop, intent: stripe.PaymentIntent) -> list[str]:
    return [dispute.status for dispute in shop.api.disputes.list({"payment_intent": intent.id}).data]
