"""How an order is locked and written: the only place that does either.

Whoever changes an order holds its row lock and writes through `save`. Where a saga's run is locked as well, the run
comes first: the engine locks the run and then calls the shop, so the other way round could deadlock.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.utils import timezone

from .errors import OrderChanged
from .models import Order


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
