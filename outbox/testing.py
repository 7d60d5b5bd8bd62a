"""For tests of projects that use the outbox."""

from __future__ import annotations

from typing import TypeVar

from . import codec
from .declaration import registry
from .relay import Relay
from .transports.memory import MemoryTransport

T = TypeVar("T")


def drain() -> None:
    """Publish all that is due and run its subscribers here and now, without a broker, until nothing is left.

    A subscriber's error is raised after it was recorded. Events that are rendered to Celery signatures are passed over.
    """
    transport = MemoryTransport()
    while Relay(transport).drain():
        transport.deliver_all()


def published(event_type: type[T], *, key: str | None = None) -> list[T]:
    """The events of one type that the code under test has written, relayed or not, oldest first."""
    from .models import OutboxMessage, PublishedMessage

    declared = registry.event_of(event_type)
    rows = [
        row
        for model in (PublishedMessage, OutboxMessage)
        for row in model.objects.filter(type=declared.name, version=declared.version).order_by("message_id")
        if key is None or row.key == key
    ]
    return [codec.decode(event_type, row.payload) for row in rows]
