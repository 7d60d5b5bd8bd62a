"""What the shop shows as available: a copy of what the warehouse last said. Orders ask the warehouse itself."""

from __future__ import annotations

import logging

from outbox.heartbeats import heartbeat
from sagas.errors import RetryAfter, SagaError

from ..models import Product
from ..participants import warehouse

log = logging.getLogger(__name__)


def note(sku: str, available: int) -> None:
    """The warehouse has said what is left of one product; one that we do not sell is passed over."""
    Product.objects.filter(sku=sku).exclude(available=available).update(available=max(available, 0))


@heartbeat.leaves("orders.refresh_availability", "figures changed")
def refresh() -> int:
    """Copy the warehouse's numbers; returns how many products changed. When it does not answer the old ones stay."""
    try:
        stock = warehouse.stock()
    except (SagaError, RetryAfter, OSError) as error:  # OSError: the HTTP client lost the connection, or made none
        log.warning("The warehouse does not say what it has; the old numbers stay: %s", error)
        return 0
    changed = [product for product in Product.objects.all() if product.available != stock.get(product.sku, 0)]
    for product in changed:
        product.available = stock.get(product.sku, 0)
        product.save(update_fields=["available"])
    return len(changed)
