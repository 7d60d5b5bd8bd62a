"""A small catalogue, and a customer's wish."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders.models import Product
from orders.placing.validation import OrderedLine, PlaceOrder


@pytest.fixture
def products() -> dict[str, Product]:
    """A mug at 18.50 EUR and a lamp at 129.00 EUR."""
    mug = Product.objects.create(sku="mug", name="Mug", price=Decimal("18.50"), available=10)
    lamp = Product.objects.create(sku="lamp", name="Lamp", price=Decimal("129.00"), available=1)
    return {"mug": mug, "lamp": lamp}


@pytest.fixture
def wish(products: dict[str, Product]) -> PlaceOrder:
    """Two mugs and a lamp: 166.00 EUR."""
    return PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug", 2), OrderedLine("lamp", 1)))
