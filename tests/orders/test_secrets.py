"""How a customer pays stays in PostgreSQL and with the bank; keys of ours are in no log line at all.

The orders here are carried to their end against the real stand-ins, and their messages go to the real broker.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as project
from redis import Redis

from config.logs import logging_config
from orders.models import Order, Product
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from outbox.relay.relay import Relay
from sagas.engine.run_ready import RunReady
from sagas.models import Run
from sagas.worker.chains import chain_of, send
from tests.support.sagas.driver import carry, step_once
from tests.support.standins import API_KEY, Standins

from .participants.test_http import Participant, participant  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
SKU = "mug-slate"
WRONG = "sk_live_not_the_banks"
OURS = (API_KEY, "Authorization", "Bearer")
"""What no line may show, whatever it is about."""


@pytest.fixture
def mug(standins: Standins) -> None:
    standins.set_stock(SKU, 1000)
    Product.objects.create(sku=SKU, name="Mug", price="18.50", available=1000)


@pytest.fixture
def broker(mug: None) -> Iterator[Redis]:
    """Empty."""
    with Redis.from_url(project.REDIS_URL, decode_responses=True) as client:
        client.flushdb()
        yield client


def place(card: str) -> Order:
    wish = PlaceOrder("ann@example.com", card, (OrderedLine(SKU, 1),))
    return place_order(wish, idempotency_key=f"k-{card}").order


def run_of(order: Order) -> Run:
    return Run.objects.get(key=order.saga_key)


def on_the_wire(broker: Redis) -> str:
    """All messages in the broker, envelopes and bodies, the links that they carry along among them."""
    texts: list[str] = []
    for queue in {route["queue"] for route in project.CELERY_TASK_ROUTES.values()}:
        messages: Any = broker.lrange(queue, 0, -1)
        for message in messages:
            texts += [message, base64.b64decode(json.loads(message)["body"]).decode()]
    return "\n".join(texts)


def as_logged(records: list[logging.LogRecord]) -> str:
    """The records as our own handlers write them, and as any other could."""
    build: Any = logging_config(as_json=True, level="DEBUG")["formatters"]["structured"]
    ours = build.pop("()")(**build)
    return "\n".join(ours.format(record) + repr(record.__dict__) for record in records)


WAYS = {
    "pm_card_visa": "completed",
    "pm_card_visa_chargeDeclined": "compensated",
    "pm_card_no_such_card": "compensated",
    "pm_card_answerLost": "completed",
    "pm_card_captureFails": "stuck",
}


@pytest.mark.parametrize(("card", "ends"), WAYS.items())
def test_no_log_line_of_an_order_shows_how_it_is_paid(mug: None, caplog: Any, card: str, ends: str) -> None:
    with caplog.at_level(logging.DEBUG):
        order = place(card)
        assert carry(run_of(order).pk).status == ends
    loggers = {record.name.partition(".")[0] for record in caplog.records}
    assert {"sagas", "urllib3"} <= loggers, "nobody listens"
    logged = as_logged(caplog.records)
    for secret in (card, "ann@example.com", *OURS):
        assert secret not in logged


def test_the_clients_log_no_key_when_calls_fail(standins: Standins, mug: None, caplog: Any) -> None:
    for company, operation in (("payments", "confirm"), ("warehouse", "reserve"), ("carrier", "book")):
        standins.fault(company, operation=operation, kind="fail", times=1)
    with caplog.at_level(logging.DEBUG):
        assert carry(run_of(place("pm_card_visa")).pk).status == "completed"
    assert [record.message for record in caplog.records].count("saga.attempt_failed") == 3
    assert not [secret for secret in OURS if secret in as_logged(caplog.records)]


def test_a_key_that_the_bank_does_not_take_is_not_logged(
    participant: Participant,  # noqa: F811
    wish: PlaceOrder,
    settings: Any,
    caplog: Any,
) -> None:
    settings.STRIPE_API_KEY = WRONG
    participant.status = 401
    participant.body = json.dumps({"error": {"message": f"Invalid API Key provided: {WRONG}"}}).encode()
    run = run_of(place_order(wish, idempotency_key="k1").order)
    with caplog.at_level(logging.DEBUG):
        step_once(run.pk)
    assert run.attempts.get().outcome == "away", "our access is refused: nothing was asked for"
    assert {record.name for record in caplog.records}
    assert WRONG not in as_logged(caplog.records)


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_no_such_card"])
def test_no_message_of_an_order_shows_how_it_is_paid(broker: Redis, card: str) -> None:
    run = run_of(place(card))
    send([chain_of(RunReady(run.pk, run.name, run.version, undo=undo, position=3)) for undo in (False, True)])
    while Relay().drain():
        carry(run.pk)
    sent = on_the_wire(broker)
    assert '"outbox.deliver_open"' in sent
    assert str(run.pk) in sent
    for secret in (card, *OURS):
        assert secret not in sent
