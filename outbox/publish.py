"""Write an event in the transaction of the change it tells of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from . import cause, codec, doorbell, sql, trace
from .declaration import registry
from .errors import NotInTransaction
from .ids import uuid7
from .sql import NewMessage

LONGEST_KEY = 200


class _Gathering(list[NewMessage]):
    """The messages of a `gathering` block: those of its own connection, until it is stopped.

    Whoever copies the context, a thread with a transaction of its own or a callback, shares this object.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connection = connections[DEFAULT_DB_ALIAS]
        self.stopped = False

    def takes(self) -> bool:
        """Whether what is published now is this block's."""
        return not self.stopped and self.connection is connections[DEFAULT_DB_ALIAS]


_gathered: ContextVar[_Gathering | None] = ContextVar("gathered", default=None)


def publish(event: object, *, key: str = "") -> UUID:
    """Write the event, to be relayed once the surrounding transaction has committed; returns the message's id.

    `key` names what the event is about, such as `order:<id>`, in at most 200 characters. The current trace goes along,
    and the id of the message in hand, when one is being handled: its cause.
    One INSERT; no broker is touched. Raises NotInTransaction outside `transaction.atomic()`, OutboxDeclarationError for
    an object whose class is no `@event`.
    """
    declared = registry.event_of(type(event))
    if not connection.in_atomic_block:
        raise NotInTransaction(
            f"publish({type(event).__name__}) outside a transaction: "
            "wrap it, with the change it tells of, in transaction.atomic()."
        )
    if len(key) > LONGEST_KEY:
        raise ValueError(f"The key of {declared.name} has {len(key)} characters; at most {LONGEST_KEY} are kept.")
    headers = codec.encode({**trace.current().headers(), **cause.headers()})
    message = NewMessage(uuid7(), declared.name, declared.version, key, codec.encode(event), headers)
    gathered = _gathered.get()
    if gathered is not None and gathered.takes():
        gathered.append(message)
    else:
        sql.insert_message(message)
        _ring_after_commit()
    return message.message_id


@contextmanager
def gathering() -> Iterator[list[NewMessage]]:
    """Within the block `publish` writes nothing: the caller gets the messages, in order, and must write them.

    For an engine that writes them in the one statement which records the change they tell of: `sql.INSERT_GATHERED`,
    with the parameters of `sql.columns`, and `doorbell.ring` after the commit.
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


def _ring_after_commit() -> None:
    """Once a transaction, however many events it writes."""
    if not any(hook[1] is doorbell.ring for hook in connection.run_on_commit):
        transaction.on_commit(doorbell.ring)
