"""How an order is locked and written: the only place that does either. The same for what operators edit of a product.

Whoever changes an order holds its row lock and writes through `save`, or `note`. Where a saga's run is locked as well,
the run comes first: the engine locks the run and then calls the shop, so the other way round could deadlock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from .errors import OrderChanged, ProductChanged
from .models import Order, Product


def lock_order(order_id: UUID) -> Order:
    """The order as it is now, locked until the transaction ends. Raises Order.DoesNotExist."""
    return Order.objects.select_for_update(of=("self",)).get(pk=order_id)


def save(order: Order, **changes: object) -> None:
    """Write the changed fields and count the version up; OrderChanged when `order` is not the latest version."""
    now = timezone.now()
    unchanged = Order.objects.filter(pk=order.pk, version=order.version)
    if not unchanged.update(version=F("version") + 1, updated_at=now, **changes):
        raise OrderChanged(order.number)
    for field, value in {**changes, "version": order.version + 1, "updated_at": now}.items():
        setattr(order, field, value)


def note(order: Order, **changes: object) -> None:
    """Write what nobody decides on, without counting the version: a cancel is not refused for it. `order` is locked."""
    now = timezone.now()
    Order.objects.filter(pk=order.pk).update(updated_at=now, **changes)
    for field, value in {**changes, "updated_at": now}.items():
        setattr(order, field, value)


def lock_product(product_id: int) -> Product:
    """The product as it is now, locked until the transaction ends. Raises Product.DoesNotExist."""
    return Product.objects.select_for_update().get(pk=product_id)


def save_product(product: Product, fields: Sequence[str]) -> None:
    """Write these fields and count the version up; ProductChanged when `product` is not the latest version."""
    unchanged = Product.objects.filter(pk=product.pk, version=product.version)
    columns: list[Any] = [Product._meta.get_field(name) for name in fields]
    values = {column.name: column.pre_save(product, add=False) for column in columns}
    if not unchanged.update(version=F("version") + 1, **values):
        raise ProductChanged(product.name)
    product.version += 1
