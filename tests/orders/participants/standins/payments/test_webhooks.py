"""Events of the payments stand-in, and how they are sent: signed, at least once, as badly as a fault says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
import requests
import stripe

from tests.orders.participants.standins.payments.sdk_client import Shop, by, new_key
from tests.orders.participants.standins.payments.webhook_receiver import PATIENCE, Receiver, receiving
from tests.support.workers import until

HELD: Final = "payment_intent.amount_capturable_updated"
CHARGED: Final = "payment_intent.succeeded"


def arrived(receiver: Receiver, *types: str) -> None:
    """Wait until just these came, in this order."""
    until(lambda: len(receiver.types()) >= len(types), PATIENCE, what=f"{types} to arrive")
    assert receiver.types() == list(types)


def happened(shop: Shop) -> list[str]:
    """The types of all events of this order that the processor keeps, oldest first."""
    kept = [event.to_dict() for event in reversed(shop.api.events.list({"limit": 100}).data)]
    return [event["type"] for event in kept if event["data"]["object"]["metadata"] == {"order": shop.order}]


def test_each_change_leaves_its_events(shop: Shop) -> None:
    held = shop.held()
    shop.intents.capture(held.id)
    assert happened(shop) == ["payment_intent.created", "charge.succeeded", HELD, "charge.captured", CHARGED]


def test_a_replayed_call_and_a_refused_one_leave_none(shop: Shop) -> None:
    held, key = shop.held(), new_key()
    for _ in range(2):
        shop.intents.capture(held.id, {}, by(key))
    with pytest.raises(stripe.InvalidRequestError):
        shop.intents.cancel(held.id)
    assert happened(shop).count(CHARGED) == 1
    assert "payment_intent.canceled" not in happened(shop)


def test_a_change_whose_event_cannot_be_written_does_not_happen(shop: Shop) -> None:
    held = shop.held()
    rule = f"\"order\" <> '{shop.order}'"
    with refusing("payments_event", rule), pytest.raises(stripe.APIError):
        shop.intents.capture(held.id)
    assert shop.intents.retrieve(held.id).status == "requires_capture"
    assert shop.did() == [("authorized", 16600)]
    assert CHARGED not in happened(shop)


def test_an_event_says_what_was_asked_and_by_which_key(shop: Shop) -> None:
    held, key = shop.held(), new_key()
    done = shop.intents.capture(held.id, {}, by(key))
    [event] = shop.api.events.list({"type": CHARGED, "limit": 1}).data
    assert shop.api.events.retrieve(event.id).to_dict() == event.to_dict()
    assert (event.data.object["id"], event.data.object["status"]) == (held.id, "succeeded")
    assert event.request is not None
    assert done.last_response is not None
    assert (event.request.id, event.request.idempotency_key) == (done.last_response.request_id, key)
    assert (event.livemode, event.api_version) == (False, stripe.api_version)


def test_events_are_filtered_by_type_and_time(shop: Shop) -> None:
    held = shop.held()
    shop.intents.cancel(held.id)
    [event] = shop.api.events.list({"type": "payment_intent.canceled", "limit": 1}).data
    assert event.data.object["id"] == held.id
    groups = {one.type for one in shop.api.events.list({"type": "charge.*", "limit": 100}).data}
    assert "charge.succeeded" in groups
    assert all(name.startswith("charge.") for name in groups)
    assert shop.api.events.list({"created": {"gt": event.created + 60}}).data == []


def test_an_endpoint_hears_nothing_of_what_happened_before_it_was_made(shop: Shop) -> None:
    early = shop.held()
    with receiving(shop, HELD, CHARGED) as receiver:
        shop.intents.capture(early.id)
        arrived(receiver, CHARGED)


def test_an_event_comes_signed_as_the_sdk_wants_it(shop: Shop) -> None:
    with receiving(shop, HELD) as receiver:
        held = shop.held()
        arrived(receiver, HELD)
        payload, signature = receiver.came[0]
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(payload, signature, "whsec_other")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(payload + b" ", signature, receiver.secret)
        assert json.loads(payload)["data"]["object"]["id"] == held.id
        until(lambda: delivered(shop) == [True], PATIENCE, what="the delivery to be recorded")


def test_an_event_is_sent_again_until_it_is_taken(shop: Shop) -> None:
    with receiving(shop, HELD, answers=(500, 400)) as receiver:
        shop.held()
        until(lambda: len(receiver.came) == 3, PATIENCE, what="the event to be taken")
        assert len({event.id for event in receiver.events()}) == 1
        until(lambda: delivered(shop) == [True], PATIENCE, what="the delivery to be recorded")
        [record] = deliveries(shop)
        assert (record["attempts"], record["status"]) == (3, 200)


def test_a_shop_that_is_away_misses_nothing(shop: Shop) -> None:
    with receiving(shop, HELD) as receiver:
        gone = shop.api.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": [HELD]})
        shop.held()
        arrived(receiver, HELD)
        until(lambda: any(row["error"] for row in deliveries(shop)), PATIENCE, what="the failure to be recorded")
        shop.api.webhook_endpoints.delete(gone.id)


def test_an_event_whose_arrival_could_not_be_recorded_is_sent_again(shop: Shop) -> None:
    with receiving(shop, HELD) as receiver:
        with refusing("payments_delivery", "delivered_at IS NULL") as cursor:
            shop.held()
            arrived(receiver, HELD)
            until(lambda: leased(cursor), PATIENCE, what="the sender to hold the delivery")
            assert delivered(shop) == [False]
            cursor.execute("ALTER TABLE payments_delivery DROP CONSTRAINT refused")
            cursor.execute("UPDATE payments_delivery SET due_at = now() WHERE due_at > now()")  # the lease is over
        arrived(receiver, HELD, HELD)
        assert len({event.id for event in receiver.events()}) == 1
        until(lambda: delivered(shop) == [True], PATIENCE, what="the delivery to be recorded")


def test_a_doubled_event_comes_twice_with_one_id(shop: Shop) -> None:
    shop.fault("webhook", "twice")
    with receiving(shop, HELD) as receiver:
        shop.held()
        arrived(receiver, HELD, HELD)
        assert len({event.id for event in receiver.events()}) == 1


def test_a_lost_event_never_comes_and_can_still_be_asked_for(shop: Shop) -> None:
    shop.fault("webhook", "lose")
    with receiving(shop, HELD, CHARGED) as receiver:
        held = shop.held()
        shop.intents.capture(held.id)
        arrived(receiver, CHARGED)
    assert HELD in happened(shop)


def test_a_reordered_event_comes_after_the_next(shop: Shop) -> None:
    shop.fault("webhook", "reorder")
    with receiving(shop, HELD, CHARGED) as receiver:
        shop.intents.capture(shop.held().id)
        arrived(receiver, CHARGED, HELD)


def test_a_late_event_is_overtaken(shop: Shop) -> None:
    shop.fault("webhook", "slow", delay=1.5)
    with receiving(shop, HELD, CHARGED) as receiver:
        shop.intents.capture(shop.held().id)
        arrived(receiver, CHARGED, HELD)


def test_a_forged_event_has_a_wrong_signature_and_the_real_one_follows_when_it_is_refused(shop: Shop) -> None:
    shop.fault("webhook", "forge")
    with receiving(shop, HELD, answers=(400,)) as receiver:
        shop.held()
        arrived(receiver, HELD)
        assert len(receiver.came) == 2


def test_a_fault_that_makes_no_sense_is_refused_in_words(shop: Shop) -> None:
    for fault in ({"operation": "webhook", "kind": "down"}, {"operation": "capture", "kind": "twice"}):
        answer = requests.post(f"{shop.url}/_faults", json=fault, timeout=10)
        assert answer.status_code == 400
        assert "It knows: " in answer.json()["error"]


@contextmanager
def refusing(table: str, rule: str) -> Iterator[psycopg2.extensions.cursor]:
    """The card processor's database takes no row of this table that breaks the rule meanwhile."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path="/test_standins_payments")
    connection = psycopg2.connect(urlunsplit(database))
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK ({rule}) NOT VALID")
        try:
            yield cursor
        finally:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS refused")


def leased(cursor: psycopg2.extensions.cursor) -> bool:
    cursor.execute("SELECT FROM payments_delivery WHERE due_at > now() + interval '30 seconds'")
    return cursor.rowcount > 0


def deliveries(shop: Shop) -> list[dict[str, object]]:
    answer = requests.get(f"{shop.url}/_deliveries", params={"order": shop.order}, timeout=10)
    return list(answer.json()["results"])


def delivered(shop: Shop) -> list[bool]:
    return [row["delivered_at"] is not None for row in deliveries(shop)]
