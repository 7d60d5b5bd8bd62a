"""An order that is carried by a saga, and the same by events alone, at the moment at which it matters."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.models import Product
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.sagas import book_shipment, capture_payment
from sagas.participants.lookup import breakers

from .carried import ByEvents, BySaga


@pytest.fixture
def wish(transactional_db) -> PlaceOrder:
    """Two mugs and a lamp, 166.00 EUR."""
    Product.objects.create(sku="mug", name="Mug", price=Decimal("18.50"), available=10)
    Product.objects.create(sku="lamp", name="Lamp", price=Decimal("129.00"), available=1)
    return PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug", 2), OrderedLine("lamp", 1)))


@pytest.fixture(params=[BySaga, ByEvents])
def placed(request, wish):
    """The order just placed; each participant does what it is asked."""
    breakers.forget()
    order = place_order(replace(wish, coordination=request.param.coordination), idempotency_key="k1").order
    placed = request.param(order)
    with placed.stage.set():
        yield placed


@pytest.fixture
def carried(placed):
    """The order with the parcel booked, about to be charged."""
    placed.go_on_to(capture_payment)
    return placed


@pytest.fixture
def booking(placed):
    """The order about to be booked; the carrier takes its time until `go_on`."""
    placed.go_on_to(book_shipment)
    book = book_shipment.run

    def slowly(context):
        placed.asked.set()
        placed.go_on.wait(10)
        return book(context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_shipment, "run", slowly)
        yield placed
