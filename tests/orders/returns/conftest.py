"""An order that was paid and is on its way: two mugs and a lamp, 166.00 EUR."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from orders.lifecycle import payment, status
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.returns.models import Return
from orders.returns.services import request_return
from orders.returns.validation import ReturnWish

Ask = Callable[..., Return]


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    """Confirmed and charged; no participant has heard of it."""
    placed = place_order(wish, idempotency_key="k1").order
    with transaction.atomic():
        payment.note_charge(placed.pk, "pi_1", 16600)
        status.confirm_order(placed.pk, "TRK0000000001")
    placed.refresh_from_db()
    return placed


@pytest.fixture
def ask(order: Order) -> Ask:
    """`ask(mug=1, lamp=1, key="r1", reason="")`: the customer wants to return so much."""

    def act(*, key: str = "r1", reason: str = "", **pieces: int) -> Return:
        return request_return(order.pk, wanted(reason, **pieces), idempotency_key=key).returned

    return act


def wanted(reason: str = "", /, **pieces: int) -> ReturnWish:
    return ReturnWish(tuple(OrderedLine(sku, quantity) for sku, quantity in pieces.items()), reason)
