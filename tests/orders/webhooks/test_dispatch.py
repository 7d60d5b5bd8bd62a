"""A report makes one delivery, in a queue of its own, and whoever it concerns is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from redis import Redis

from orders.models import Order
from orders.webhooks import dispatch
from orders.webhooks.events import PaymentReported
from outbox import publish
from outbox.consuming import inbox
from outbox.models import Delivery, InboxEntry
from outbox.transports.celery import CeleryTransport
from outbox.transports.memory import MemoryTransport
from tests.support.outbox.relaying import relay_to

pytestmark = pytest.mark.django_db(transaction=True)
TYPES = ("payment_intent.succeeded", "charge.dispute.created", "refund.failed", "charge.refunded")


def report(type_: str, key: str = "order:1") -> None:
    with transaction.atomic():
        publish(PaymentReported("evt_1", type_, "pi_1", ""), key=key)


@pytest.mark.parametrize("key", ["order:1", ""])
def test_a_report_makes_one_delivery_and_waits_beside_the_steps_of_orders(key: str) -> None:
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        for type_ in TYPES:
            report(type_, key)
        relay_to(CeleryTransport()).drain()
        sent = [json.loads(text)["headers"] for text in client.lrange("webhooks", 0, -1)]
        assert {task["shadow"] for task in sent} == {"webhooks.dispatch"}
        assert client.llen("events") == 0
    assert list(Delivery.objects.values_list("subscriber", flat=True)) == ["webhooks.dispatch"] * len(TYPES)
    assert CeleryTransport().queue_of("webhooks.dispatch") == "webhooks"
    assert CeleryTransport().queue_of("orders.email_received") == "events"


@pytest.mark.parametrize(
    ("type_", "heard"),
    [
        ("payment_intent.succeeded", ["settle", "payment_reported"]),
        ("charge.dispute.created", ["dispute_reported"]),
        ("refund.failed", ["refund_reported"]),
        ("charge.refunded", []),
    ],
)
def test_those_whom_its_type_concerns_are_asked_and_told(type_: str, heard: list[str], monkeypatch: Any) -> None:
    told: list[str] = []

    def listener(name: str, one: Any) -> Any:
        return dispatch._Listener(one.types, lambda _: name, lambda _, answer: told.append(answer.rpartition(".")[2]))

    heard_by = {name: listener(name, one) for name, one in dispatch._listeners.items()}
    monkeypatch.setattr(dispatch, "_listeners", heard_by)
    report(type_)
    transport = MemoryTransport()
    relay_to(transport).drain()
    (one,) = transport.sent
    inbox.deliver("webhooks.dispatch", one.envelope)
    assert sorted(told) == sorted(heard)
    assert InboxEntry.objects.count() == 1
    assert not Order.objects.exists()
