"""Relays for tests."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from outbox import sql
from outbox.messages.envelope import Envelope
from outbox.publishing.destinations import Destination, shard_of
from outbox.relay.relay import Relay
from outbox.sql import Due
from outbox.transports import Outgoing, Sent, Transport


def relay_to(transport: Transport, **options: Any) -> Relay:
    """A relay of the destination `tasks`, by this transport."""
    return Relay([Destination("tasks", transport, **options)])


def unpublished() -> list[Envelope]:
    """What a relay would send now; it stays unpublished."""
    away = Away()
    relay_to(away).drain()
    return away.seen


def marked(*subscribers: str) -> list[Envelope]:
    """What is due goes out and is marked, with a delivery open to each of the subscribers, which hear nothing of it."""
    envelopes = unpublished()
    rows = [Due(one.position, shard_of(one.key, UUID(one.id).int), 0, one) for one in envelopes]
    recipients = [(one.type, subscriber) for one in envelopes for subscriber in subscribers]
    sql.mark("tasks", rows, recipients, timedelta(seconds=30))
    return envelopes


class Away:
    """A broker that is away."""

    def __init__(self) -> None:
        self.seen: list[Envelope] = []

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        return ()

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        self.seen = [one.envelope for one in batch]
        return Sent(outage=ConnectionError("away"))
