"""The three doors of the API that make something: orders, trips and returns, each with a body and another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.test import Client
from django.utils import timezone

from orders.lifecycle import payment, status
from orders.models import Order, Product
from orders.placing.place import place_order
from orders.placing.validation import parse_order
from orders.returns.models import Return
from orders.trips.models import FlightOffer, HotelOffer, Trip

CUSTOMER = {"email": "ann@example.com", "payment_method": "pm_card_visa"}


@dataclass(frozen=True)
class Door:
    """`thing` is what it makes, as the API calls it."""

    thing: str
    model: type[models.Model]
    path: str
    body: dict[str, Any]
    other: dict[str, Any]

    def post(self, client: Client, body: dict[str, Any] | None = None, key: str = "k1") -> Any:
        """Have it made."""
        sent = self.body if body is None else body
        return client.post(self.path, sent, content_type="application/json", headers={"Idempotency-Key": key})


def orders() -> Door:
    """Two mugs at 18.50 EUR."""
    Product.objects.create(sku="mug", name="Mug", price=Decimal("18.50"), available=10)
    line = {"sku": "mug", "quantity": 2}
    return Door(
        "order",
        Order,
        "/api/orders",
        {**CUSTOMER, "lines": [line]},
        {**CUSTOMER, "lines": [{**line, "unit_price": "18.50"}]},
    )


def trips() -> Door:
    """Two nights in Lisbon: 297.00 EUR."""
    day = timezone.now().date() + timedelta(days=30)
    FlightOffer.objects.create(
        code="SA105", name="SA 105", city="Lisbon", departs=day, price=Decimal(129), currency="EUR", left=9
    )
    HotelOffer.objects.create(code="azul", name="Azul", city="Lisbon", price=Decimal(84), currency="EUR", left={})
    body = {**CUSTOMER, "flight": "SA105", "hotel": "azul", "nights": 2}
    return Door("trip", Trip, "/api/trips", body, {**body, "total": "297.00"})


def returns() -> Door:
    """One mug of an order that is paid and on its way."""
    door = orders()
    order = place_order(parse_order(door.body), idempotency_key="the order's").order
    with transaction.atomic():
        payment.note_charge(order.pk, "pi_1", 3700)
        status.confirm_order(order.pk, "TRK0000000001")
    body = {"lines": [{"sku": "mug", "quantity": 1}]}
    return Door("return", Return, f"/api/orders/{order.pk}/returns", body, {**body, "reason": "Too heavy."})


DOORS: list[Callable[[], Door]] = [orders, trips, returns]
