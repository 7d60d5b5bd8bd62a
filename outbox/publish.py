"""Write an event in the transaction of the change it tells of."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from . import codec, doorbell, sql, trace
from .declaration import registry
from .errors import NotInTransaction
from .ids import uuid7

LONGEST_KEY = 200


def publish(event: object, *, key: str = "") -> UUID:
    """Write the event, to be relayed once the surrounding transaction has committed; returns the message's id.

    `key` names what the event is about, such as `order:<id>`, in at most 200 characters. The current trace goes along.
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
    message_id = uuid7()
    headers = codec.encode(trace.current().headers())
    sql.insert_message(message_id, declared.name, declared.version, key, codec.encode(event), headers)
    _ring_after_commit()
    return message_id


def _ring_after_commit() -> None:
    """Once a transaction, however many events it writes."""
    if not any(hook[1] is doorbell.ring for hook in connection.run_on_commit):
        transaction.on_commit(doorbell.ring)
