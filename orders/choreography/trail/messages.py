"""Everything that the outbox knows of one order's messages: what was written, what it led to, and who has it now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from outbox.messages import codec
from outbox.messages.causation import HEADER
from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage, PublishedMessage

MOST = 1_000
"""Messages of one key that are read; an order has a few dozen."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """What became of a message at one subscriber."""

    name: str
    """Empty: it could not be published at all."""
    state: str
    """handled, open or dead."""
    at: datetime
    """When it was handled, is due again, or was given up."""
    attempts: int = 0
    """Tries that failed or may have crashed."""
    error: str = ""
    dead_letter: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One message, with what it led to."""

    id: UUID
    type: str
    version: int
    at: datetime
    payload: str
    trace_id: str
    caused_by: UUID | None
    published_at: datetime | None
    """None: it waits for the relay, or could not be published."""
    attempts: int
    error: str
    receivers: tuple[Receiver, ...]

    @property
    def state(self) -> str:
        """dead, open, waiting (for the relay) or done: the worst of it and its receivers."""
        states = {receiver.state for receiver in self.receivers}
        if "dead" in states:
            return "dead"
        if self.published_at is None:
            return "waiting"
        return "open" if "open" in states else "done"


def trail_of(key: str) -> list[Written]:
    """Every message of the key, in the order in which they were written."""
    rows = _rows(key)
    receivers = _receivers(key, list(rows))
    written = [_written(row, tuple(receivers[message_id])) for message_id, row in rows.items()]
    return sorted(written, key=lambda one: (one.at, one.id))


def _rows(key: str) -> dict[UUID, Any]:
    """Each message once: unpublished if it still waits for any destination, else published, else dead."""
    tables: Iterable[Any] = (DeadLetter, PublishedMessage, OutboxMessage)
    return {row.message_id: row for table in tables for row in table.objects.filter(key=key).order_by("pk")[:MOST]}


def _receivers(key: str, ids: list[UUID]) -> dict[UUID, list[Receiver]]:
    found: defaultdict[UUID, list[Receiver]] = defaultdict(list)
    for handled in InboxEntry.objects.filter(message_id__in=ids):
        found[handled.message_id].append(Receiver(handled.subscriber, "handled", handled.handled_at))
    handled_by = {(message_id, one.name) for message_id, receivers in found.items() for one in receivers}
    for due in Delivery.objects.filter(key=key):
        if (due.message_id, due.subscriber) in handled_by:
            continue  # handled before the relay had marked it as sent: closed with the next copy
        found[due.message_id].append(Receiver(due.subscriber, "open", due.due_at, due.attempts, due.last_error))
    for dead in DeadLetter.objects.filter(key=key):
        error = f"{dead.error_class}: {dead.error}"
        found[dead.message_id].append(Receiver(dead.subscriber, "dead", dead.died_at, dead.attempts, error, dead.pk))
    for receivers in found.values():
        receivers.sort(key=lambda one: (one.state != "dead", one.state != "open", one.at))
    return found


def _written(row: Any, receivers: tuple[Receiver, ...]) -> Written:
    headers = _headers(row.headers)
    caused_by = headers.get(HEADER, "")
    return Written(
        id=row.message_id,
        type=row.type,
        version=row.version,
        at=row.created_at,
        payload=row.payload,
        trace_id=headers.get("traceparent", "")[3:35],
        caused_by=UUID(caused_by) if caused_by else None,
        published_at=getattr(row, "published_at", None),
        attempts=getattr(row, "attempts", 0),
        error=getattr(row, "last_error", ""),
        receivers=receivers,
    )


def _headers(text: str) -> dict[str, str]:
    """Nothing for headers that cannot be read: the message is shown all the same."""
    try:
        return codec.decode(dict[str, str], text)
    except ValueError:
        return {}
