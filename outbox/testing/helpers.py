"""Run and inspect the outbox in a test, without a broker."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ..declare.events import registry
from ..messages import codec
from ..publishing import destinations
from ..relay.relay import Relay
from ..transports.celery import CeleryTransport
from ..transports.memory import MemoryTransport

T = TypeVar("T")


def drain() -> None:
    """Publish all that is due and run its subscribers in this thread, without a broker, until nothing is left.

    An error of a subscriber is raised after it was recorded. Events that are rendered to Celery signatures are skipped,
    and messages for other services are discarded.
    """
    transports, stand_ins = [], []
    for one in destinations.configured():
        transport = MemoryTransport(delivers=isinstance(one.transport, CeleryTransport))
        transports.append(transport)
        stand_ins.append(replace(one, transport=transport))
    relay = Relay(stand_ins)
    while relay.drain() or any(transport.waits for transport in transports):
        for transport in transports:
            transport.deliver_all()


def published(event_type: type[T], *, key: str | None = None) -> list[T]:
    """The events of one type that the code under test has written, published or not, oldest first."""
    from ..models import OutboxMessage, PublishedMessage

    declared = registry.event_of(event_type)
    found = {
        row.message_id: row.payload
        for model in (PublishedMessage, OutboxMessage)
        for row in model.objects.filter(type=declared.name, version=declared.version).order_by("id")
        if key is None or row.key == key
    }
    return [codec.decode(event_type, found[message_id]) for message_id in sorted(found)]
