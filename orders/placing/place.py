"""A customer places an order. No broker is touched."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from outbox import publish
from outbox.messages import causation

from .. import story
from ..coordination.choose import coordinator_of
from ..errors import InvalidOrder, KeyReused
from ..events import OrderPlaced
from ..models import Order, OrderLine, Product
from ..money import figure, minor_units, why_not
from ..sagas import Checkout, Line
from . import duplicates, idempotency, pricing
from .validation import OrderedLine, PlaceOrder


@dataclass(frozen=True, slots=True)
class Placed:
    """The order, and whether this very call created it."""

    order: Order
    created: bool


def place_order(
    request: PlaceOrder, *, idempotency_key: str, known_repeat: str | None = None, wait: bool = True
) -> Placed:
    """Accept an order at today's prices: order, saga and event in one transaction.

    The same key and request give the same order; while the first of them is under way, `wait` and KeyInUse are those
    of `idempotency.once`. `known_repeat`: the mark of the same orders of a moment ago that the customer knows of, ""
    for none; None, for programs, asks nothing. Raises InvalidOrder for unknown products, KeyReused when the key belongs
    to another request, PriceChanged when the request names other prices, and OrderedAlready.
    """
    fingerprint = hash_of(request)
    placed = idempotency.once(
        "order",
        idempotency_key,
        find=lambda: find_by_key(idempotency_key, fingerprint),
        make=lambda: create_order(request, idempotency_key, fingerprint, known_repeat),
        wait=wait,
    )
    return Placed(*placed)


def hash_of(request: PlaceOrder) -> str:
    """The same for requests that ask for the same; the order of the lines does not matter."""
    lines = sorted(map(words_of, request.lines))
    seen = "" if request.total is None else figure(request.total)
    more = filter(None, [request.coordination, seen, request.currency])
    wish = json.dumps([request.email, request.payment_method, lines, *more])
    return hashlib.sha256(wish.encode()).hexdigest()


def words_of(line: OrderedLine) -> list[str | int]:
    """What the line asks for, the price included when it was given."""
    return [line.sku, line.quantity, *([] if line.unit_price is None else [figure(line.unit_price)])]


def find_by_key(idempotency_key: str, fingerprint: str) -> Order | None:
    """The order that this key made; KeyReused when another request made it."""
    order = Order.objects.filter(idempotency_key=idempotency_key).first()
    if order and order.request_hash != fingerprint:
        raise KeyReused
    return order


def create_order(request: PlaceOrder, idempotency_key: str, fingerprint: str, known_repeat: str | None) -> Order:
    """All that must exist together when an order is accepted, in the caller's transaction."""
    products = find_products(request)
    lines = [pricing.priced(line, products[line.sku]) for line in request.lines]
    total = sum((line.total for line in lines), Decimal(0))
    pricing.refuse_changed(request, lines, products, total)
    refuse_mixed(products)
    order = Order.objects.create(
        email=request.email,
        payment_method=request.payment_method,
        coordination=request.coordination or settings.ORDERS_COORDINATION,
        total=total,
        currency=next(iter(products.values())).currency,
        idempotency_key=idempotency_key,
        request_hash=fingerprint,
        basket_hash=duplicates.basket_hash(request),
    )
    if no := why_not(order.total, order.currency):
        raise InvalidOrder({"total": [f"{no} Nothing was ordered."]})
    if known_repeat is not None:
        duplicates.refuse(order, known_repeat)
    for line in lines:
        line.order = order
    OrderLine.objects.bulk_create(lines)
    start_checkout(order, lines)
    worth = f"{figure(order.total)} {order.currency}"
    story.tell("order.placed", order=order.number, id=str(order.pk), total=worth, by=order.coordination)
    return order


def find_products(request: PlaceOrder) -> dict[str, Product]:
    """The ordered products by SKU. Raises InvalidOrder for an unknown one."""
    products = Product.objects.in_bulk([line.sku for line in request.lines], field_name="sku")
    unknown = {
        f"lines[{index}].sku": ["We do not sell this product."]
        for index, line in enumerate(request.lines)
        if line.sku not in products
    }
    if unknown:
        raise InvalidOrder(unknown)
    return products


def refuse_mixed(products: dict[str, Product]) -> None:
    """Raise InvalidOrder for two currencies in one order."""
    if len({product.currency for product in products.values()}) > 1:
        raise InvalidOrder({"lines": ["Order products of different currencies apart."]})


def start_checkout(order: Order, lines: list[OrderLine]) -> None:
    """Say that the order was placed, and start the saga, or the events, that carry it."""
    amount = minor_units(order.total, order.currency)
    placed = OrderPlaced(order.pk, order.number, order.email, amount, order.currency)
    message = publish(placed, key=order.saga_key)
    wish = Checkout(
        order_id=order.pk,
        order_number=order.number,
        email=order.email,
        amount=amount,
        currency=order.currency,
        payment_method=order.payment_method,
        lines=tuple(Line(sku=line.sku, quantity=line.quantity) for line in lines),
        placed_at=order.created_at,
    )
    with causation.use(str(message)):
        coordinator_of(order).start(wish)
