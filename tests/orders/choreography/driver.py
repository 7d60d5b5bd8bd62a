"""Carries an order's events as relay and workers would, message by message, in this process and without a broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from django.db.models.functions import Now

from orders.models import Journey
from outbox.consuming import in_order, inbox
from outbox.models import Delivery, OutboxMessage
from outbox.publishing.destinations import Destination
from outbox.relay.relay import Relay
from outbox.transports import Outgoing
from outbox.transports.memory import MemoryTransport
from sagas.testing.errors import WorkerLost

MOST = 300  # deliveries; more than that is a loop
Before = Callable[[str], None]


def relayed() -> list[Outgoing]:
    """What the relay sends now: what is unpublished, and what is due once more."""
    transport = MemoryTransport()
    Relay([Destination("tasks", transport)]).drain()
    return transport.sent


def deliver(one: Outgoing, subscriber: str) -> None:
    """One look after the message's key, as a worker makes it: what it raises was written down."""
    envelope = one.envelope
    with suppress(Exception, WorkerLost):
        in_order.deliver_open(subscriber, [envelope.key], again=envelope.again, go_on=lambda: None)


def deliver_copy(one: Outgoing, subscriber: str) -> None:
    """The same message handed over once more: only the inbox keeps it from being handled again."""
    with suppress(Exception, WorkerLost):
        inbox.deliver(subscriber, one.envelope)


def carry(order_id: UUID, *, before: Before = lambda subscriber: None, doubled: bool = False) -> Journey:
    """Go on until nothing of the order is on its way; returns its journey. What waits is due at once.

    `before` is called ahead of each delivery with the subscriber's name. `doubled`: each delivery is made twice.
    """
    for _ in range(MOST):
        sent = relayed()
        for one in sent:
            for subscriber in one.to:
                before(subscriber)
                deliver(one, subscriber)
                if doubled:
                    deliver_copy(one, subscriber)
        if (
            not sent
            and not Delivery.objects.update(due_at=Now(), held_until=None)
            and not OutboxMessage.objects.exists()
        ):
            return Journey.objects.get(pk=order_id)
    raise AssertionError(f"The events of {order_id} never came to an end.")
