"""Test orders, placed as a customer places them."""

from __future__ import annotations

import itertools
import uuid

from django.conf import settings

from ..models import Order, Product
from ..placing.place import place_order
from ..placing.validation import parse_order
from .errors import PanelOff

ORDERS = 5
CARD = "pm_card_visa"


def place_some(number: int = ORDERS) -> list[Order]:
    """So many orders of one piece each, of the products that there is most of. Raises PanelOff when not local."""
    if not settings.LOCAL:
        raise PanelOff("Test orders are placed on a developer's machine only: elsewhere they would be real orders.")
    products = Product.objects.filter(available__gt=0).order_by("-available", "sku")[:number]
    return [place(product.sku) for product, _ in zip(itertools.cycle(products), range(number), strict=False)]


def place(sku: str) -> Order:
    body = {"email": "faults@example.com", "payment_method": CARD, "lines": [{"sku": sku, "quantity": 1}]}
    return place_order(parse_order(body), idempotency_key=f"faults:{uuid.uuid4()}").order
