"""The event, as a host project declares it."""

from __future__ import annotations

from dataclasses import dataclass

from outbox import event

from ..event import TYPE


@event(TYPE, version=1)
@dataclass(frozen=True)
class OrderPlaced:
    """Its fields are those of `tests.bench.outbox.event.order`."""

    order_id: str
    customer: str
    email: str
    address: str
    total: str
    currency: str
    items: int
    note: str
