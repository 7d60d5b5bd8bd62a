"""An order carried by events shows no log line, and no company, more of its customer than one carried by a saga."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from outbox.models import PublishedMessage
from tests.orders.test_secrets import OURS, SKU, as_logged, mug  # noqa: F401 - a fixture

from .driver import carry

pytestmark = pytest.mark.django_db(transaction=True)
WAYS = {
    "pm_card_visa": "confirmed",
    "pm_card_visa_chargeDeclined": "cancelled",
    "pm_card_answerLost": "confirmed",
    "pm_card_captureFails": "needs_attention",
}


def placed(card: str) -> Order:
    wish = PlaceOrder("ann@example.com", card, (OrderedLine(SKU, 1),))
    return place_order(replace(wish, coordination="choreography"), idempotency_key=f"k-{card}").order


@pytest.mark.parametrize(("card", "ends"), WAYS.items())
def test_no_log_line_and_no_event_shows_how_an_order_is_paid(mug: None, caplog: Any, card: str, ends: str) -> None:  # noqa: F811
    with caplog.at_level(logging.DEBUG):
        order = placed(card)
        carry(order.pk)
    order.refresh_from_db()
    assert order.status == ends
    logged = as_logged(caplog.records)
    for secret in (card, "ann@example.com", *OURS):
        assert secret not in logged
    for message in PublishedMessage.objects.filter(key=order.saga_key):
        assert card not in message.payload
        assert "ann@example.com" not in message.payload or message.type.startswith("orders.order_")
