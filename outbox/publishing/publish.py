"""Writes an event in the transaction of the change that it describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from .. import doorbell, sql
from ..declare.events import registry
from ..errors import NotInTransaction
from ..ids import uuid7
from ..messages import causation, codec, trace
from ..sql import NewMessage
from . import destinations

LONGEST_KEY = 200


class _Gathering(list[NewMessage]):
    """The messages of a `gathering` block, for the block's own connection, until it is stopped.

    Code that copies the context (a thread with its own transaction, a callback) shares this object.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connection = connections[DEFAULT_DB_ALIAS]
        self.stopped = False

    def takes(self) -> bool:
        """Whether a message that is published now belongs to this block."""
        return not self.stopped and self.connection is connections[DEFAULT_DB_ALIAS]


_gathered: ContextVar[_Gathering | None] = ContextVar("gathered", default=None)


def publish(event: object, *, key: str = "") -> UUID:
    """Write the event, to be published after the surrounding transaction commits. Returns the message's id.

    `key` names what the event is about, such as `order:<id>`, in at most 200 characters. The message carries the
    current trace, and the id of the message that is being handled, if any, as its cause. It is one INSERT, with one row
    for each destination that takes the event; no broker is called. When one of the destinations is `strict`, it first
    waits for other transactions that write events of the key. Raises NotInTransaction outside `transaction.atomic()`,
    OutboxDeclarationError for an object whose class is no `@event` and for an event that no destination takes, and
    ValueError for a key that is too long.
    """
    declared = registry.event_of(type(event))
    if not connection.in_atomic_block:
        raise NotInTransaction(
            f"publish({type(event).__name__}) outside a transaction: "
            "wrap it, with the change it tells of, in transaction.atomic()."
        )
    if len(key) > LONGEST_KEY:
        raise ValueError(f"The key of {declared.name} has {len(key)} characters; at most {LONGEST_KEY} are kept.")
    to = destinations.for_event(declared.name)
    if key and any(destination.order == "strict" for destination in to):
        sql.lock_key(key)
    headers = codec.encode({**trace.current().headers(), **causation.headers()})
    message_id, payload = uuid7(), codec.storable(event)
    shard = destinations.shard_of(key, message_id.int)
    carried = (shard, str(message_id), declared.name, declared.version, key, payload, headers)
    _write([NewMessage(destination.name, *carried) for destination in to])
    return message_id


def _write(messages: list[NewMessage]) -> None:
    gathered = _gathered.get()
    if gathered is not None and gathered.takes():
        gathered.extend(messages)
    else:
        sql.insert_messages(messages)
        ring_after_commit()


@contextmanager
def gathering() -> Iterator[list[NewMessage]]:
    """Within the block `publish` writes nothing: the caller gets the messages, in order, and must write them.

    For an engine that writes them in the statement that records the change: `sql.told_by`, with the parameters of
    `sql.columns`, and `ring_after_commit`, or `doorbell.ring` after a commit of its own.
    """
    messages = _Gathering()
    token = _gathered.set(messages)
    try:
        yield messages
    finally:
        _gathered.reset(token)


def stop_gathering() -> None:
    """From here to the end of the `gathering` block `publish` writes at once."""
    gathered = _gathered.get()
    if gathered is not None:
        gathered.stopped = True


def ring_after_commit(*, urgent: bool = False) -> None:
    """Ring the doorbell once the transaction in hand commits: once for each, however many events it writes."""
    ring = doorbell.ring_urgently if urgent else doorbell.ring
    if not any(hook[1] in (ring, doorbell.ring_urgently) for hook in connection.run_on_commit):
        transaction.on_commit(ring)
