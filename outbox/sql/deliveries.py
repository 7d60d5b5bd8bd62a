"""Statements on open deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from ..envelope import Envelope
from . import run
from .messages import Due


def take_overdue(limit: int, redeliver_after: timedelta) -> list[Due]:
    """Open deliveries to publish again, each given its next time before it goes out.

    That time doubles with the delivery's age, up to ten times `redeliver_after`: copies hardly lengthen a long queue.
    A row that a handler is confirming at this moment is skipped.
    """
    rows = run.rows(
        f"""
        WITH overdue AS (
            SELECT id FROM outbox_delivery WHERE due_at <= statement_timestamp()
            ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE outbox_delivery AS delivery
            SET due_at = statement_timestamp() + least(greatest(%s, statement_timestamp() - created_at), 10 * %s)
            FROM overdue WHERE delivery.id = overdue.id
            RETURNING delivery.id AS row, delivery.message_id, delivery.subscriber, delivery.attempts
        )
        SELECT taken.row, taken.subscriber, {run.COLUMNS}, taken.attempts
        FROM taken JOIN outbox_published USING (message_id)
        """,
        [limit, redeliver_after, redeliver_after],
    )
    return [Due(row, replace(Envelope(*carried), again=True), subscriber) for row, subscriber, *carried in rows]


def give_back_overdue(rows: Sequence[int]) -> None:
    """These deliveries did not go out after all: they are due again."""
    run.execute("UPDATE outbox_delivery SET due_at = statement_timestamp() WHERE id = ANY(%s)", [list(rows)])


def claim(message_id: UUID, subscriber: str) -> bool:
    """Note, in the handler's transaction, that this subscriber handles this message; False when it is settled already.

    While another transaction handles the same message this waits for its end.
    """
    rows = run.rows(
        """
        INSERT INTO outbox_inbox (subscriber, message_id, handled_at)
        SELECT %s, %s, statement_timestamp()
        WHERE NOT EXISTS (SELECT 1 FROM outbox_dead_letter WHERE message_id = %s AND subscriber = %s)
        ON CONFLICT (message_id, subscriber) DO NOTHING RETURNING 1
        """,
        [subscriber, message_id, message_id, subscriber],
    )
    return bool(rows)


def is_settled(message_id: UUID, subscriber: str) -> bool:
    """Whether this subscriber has handled the message, or given it up."""
    return bool(
        run.rows(
            """
            SELECT 1 FROM outbox_inbox WHERE message_id = %s AND subscriber = %s
            UNION ALL SELECT 1 FROM outbox_dead_letter WHERE message_id = %s AND subscriber = %s
            """,
            [message_id, subscriber, message_id, subscriber],
        )
    )


def unclaim(message_id: UUID, subscriber: str) -> None:
    """Take back, in the transaction that claimed it, that this subscriber handles this message."""
    run.execute("DELETE FROM outbox_inbox WHERE message_id = %s AND subscriber = %s", [message_id, subscriber])


def confirm(message_id: UUID, subscriber: str) -> None:
    """Close the delivery."""
    run.execute("DELETE FROM outbox_delivery WHERE message_id = %s AND subscriber = %s", [message_id, subscriber])


def begin_again(message_id: UUID, subscriber: str, attempts: int, redeliver_after: timedelta) -> bool:
    """Count a try before it begins: a handler may kill its worker. False when the copy is behind the books."""
    rows = run.rows(
        """
        UPDATE outbox_delivery SET attempts = attempts + 1, due_at = statement_timestamp() + %s
        WHERE message_id = %s AND subscriber = %s AND attempts = %s RETURNING 1
        """,
        [redeliver_after, message_id, subscriber, attempts],
    )
    return bool(rows)


def is_open(message_id: UUID, subscriber: str) -> bool:
    """Whether the delivery is on the books, unconfirmed."""
    return bool(
        run.rows("SELECT 1 FROM outbox_delivery WHERE message_id = %s AND subscriber = %s", [message_id, subscriber])
    )


def hold_delivery(message_id: UUID, subscriber: str, attempts: int, delay: timedelta, error: str) -> None:
    """Deliver again after `delay`, with `attempts` on the books. The relay may not have marked the message yet."""
    run.execute(
        """
        INSERT INTO outbox_delivery (message_id, subscriber, attempts, due_at, last_error, created_at)
        VALUES (%s, %s, %s, statement_timestamp() + %s, %s, statement_timestamp())
        ON CONFLICT (message_id, subscriber) DO UPDATE
        SET attempts = excluded.attempts, due_at = excluded.due_at, last_error = excluded.last_error
        WHERE outbox_delivery.attempts <= excluded.attempts + 1
        """,
        [message_id, subscriber, attempts, delay, error],
    )


def bury_delivery(envelope: Envelope, subscriber: str, attempts: int, error: tuple[str, str, str]) -> None:
    """Make a dead letter of a delivery; `error` is its class, text and traceback."""
    one = envelope
    carried = (one.id, one.type, one.version, one.key, one.payload, one.headers, one.occurred_at)
    run.execute(
        f"""
        WITH dead AS (
            INSERT INTO outbox_dead_letter ({run.COLUMNS}, attempts, subscriber, error_class, error, traceback, died_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, statement_timestamp())
            ON CONFLICT (message_id, subscriber) DO NOTHING
        )
        DELETE FROM outbox_delivery WHERE message_id = %s AND subscriber = %s
        """,
        [*carried, attempts, subscriber, *error, one.id, subscriber],
    )
