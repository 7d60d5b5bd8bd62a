"""Statements on held keys: keys that wait because their first message failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ..masking import masked
from . import run
from .messages import Due


def hold_key(destination: str, due: Due, delay: timedelta | None, attempts: int, error: str) -> None:
    """Publish nothing of this message's key until `delay` has passed; None: until a person acts."""
    run.execute(
        """
        INSERT INTO outbox_hold (destination, key, shard, position, message_id, type, attempts, until, last_error,
                                 since)
        VALUES (%s, %s, %s, %s, %s, %s, %s, statement_timestamp() + %s, %s, statement_timestamp())
        ON CONFLICT (destination, key) DO UPDATE
        SET position = excluded.position, message_id = excluded.message_id, type = excluded.type,
            attempts = excluded.attempts, until = excluded.until, last_error = excluded.last_error
        """,
        [
            *(destination, due.envelope.key, due.shard, due.row, due.envelope.id, due.envelope.type),
            *(attempts, delay, masked(error)),
        ],
    )


def release_keys(destination: str, keys: Sequence[str]) -> None:
    """Delete the holds of these keys, because their first messages went out or were given up."""
    run.execute("DELETE FROM outbox_hold WHERE destination = %s AND key = ANY(%s)", [destination, list(keys)])


def delete_ended_holds(limit: int) -> int:
    """Delete up to `limit` holds that ended and whose message is gone. Returns how many."""
    return run.execute(
        """
        DELETE FROM outbox_hold WHERE id IN (
            SELECT h.id FROM outbox_hold AS h
            WHERE h.until <= statement_timestamp()
              AND NOT EXISTS (SELECT 1 FROM outbox_message AS m
                              WHERE m.destination = h.destination AND m.shard = h.shard AND m.id = h.position)
            LIMIT %s)
        """,
        [limit],
    )
