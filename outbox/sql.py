"""Every statement of the hot path, in one place. Times are PostgreSQL's: no two machines need to agree on the hour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from .envelope import Envelope

COLUMNS = "message_id, type, version, key, payload, headers, created_at"


@dataclass(frozen=True, slots=True)
class Due:
    """A row to publish: an unpublished message, or an open delivery to one `subscriber`."""

    row: int
    envelope: Envelope
    subscriber: str = ""


# --- Writing -------------------------------------------------------------------------------------------------------
def insert_message(message_id: UUID, type_: str, version: int, key: str, payload: str, headers: str) -> None:
    """Write one message, due at once."""
    _execute(
        f"""
        INSERT INTO outbox_message ({COLUMNS}, attempts, due_at, last_error)
        VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp(), 0, statement_timestamp(), '')
        """,
        [message_id, type_, version, key, payload, headers],
    )


# --- The relay: fetch, mark ----------------------------------------------------------------------------------------
def anything_due() -> tuple[bool, bool]:
    """Whether messages, and whether deliveries, are due."""
    found = _rows(
        """
        SELECT EXISTS (SELECT 1 FROM outbox_message WHERE due_at <= statement_timestamp()),
               EXISTS (SELECT 1 FROM outbox_delivery WHERE due_at <= statement_timestamp())
        """
    )
    return found[0][0], found[0][1]


def fetch(limit: int) -> list[Due]:
    """The oldest due messages. No lock is taken: the lease keeps other relays away, the inbox absorbs what slips by."""
    rows = _rows(
        f"""
        SELECT id, attempts, {COLUMNS} FROM outbox_message
        WHERE due_at <= statement_timestamp() ORDER BY id LIMIT %s
        """,
        [limit],
    )
    return [Due(row, Envelope(*carried, attempts=0)) for row, _attempts, *carried in rows]


def mark(rows: Sequence[int], recipients: Iterable[tuple[str, str]], redeliver_after: timedelta) -> None:
    """Move published messages to the history, and open a delivery to each (type, subscriber) of `recipients`.

    No fence is needed: these rows *were* published. A subscriber may have been quicker than this statement, so what the
    inbox or a dead letter has settled gets no delivery.
    """
    pairs = list(recipients)
    _execute(
        f"""
        WITH gone AS (
            DELETE FROM outbox_message WHERE id = ANY(%s) RETURNING {COLUMNS}
        ), kept AS (
            INSERT INTO outbox_published ({COLUMNS}, published_at)
            SELECT {COLUMNS}, statement_timestamp() FROM gone ON CONFLICT (message_id) DO NOTHING
        )
        INSERT INTO outbox_delivery (message_id, subscriber, attempts, due_at, last_error, created_at)
        SELECT gone.message_id, wanted.subscriber, 0, statement_timestamp() + %s, '', statement_timestamp()
        FROM gone JOIN unnest(%s::text[], %s::text[]) AS wanted (type, subscriber) USING (type)
        WHERE NOT EXISTS (SELECT 1 FROM outbox_inbox AS inbox
                          WHERE inbox.message_id = gone.message_id AND inbox.subscriber = wanted.subscriber)
          AND NOT EXISTS (SELECT 1 FROM outbox_dead_letter AS dead
                          WHERE dead.message_id = gone.message_id AND dead.subscriber = wanted.subscriber)
        ON CONFLICT (message_id, subscriber) DO NOTHING
        """,
        [list(rows), redeliver_after, [type_ for type_, _ in pairs], [subscriber for _, subscriber in pairs]],
    )


def count_failure(row: int) -> int:
    """One more failed try to publish this message; returns how many there were."""
    found = _rows("UPDATE outbox_message SET attempts = attempts + 1 WHERE id = %s RETURNING attempts", [row])
    return int(found[0][0]) if found else 0


def hold_message(row: int, delay: timedelta, error: str) -> None:
    """Do not publish this message before `delay` has passed."""
    _execute(
        "UPDATE outbox_message SET due_at = statement_timestamp() + %s, last_error = %s WHERE id = %s",
        [delay, error, row],
    )


def bury_message(row: int, error_class: str, error: str, traceback: str) -> None:
    """Make a dead letter of a message that cannot be published."""
    _execute(
        f"""
        WITH gone AS (DELETE FROM outbox_message WHERE id = %s RETURNING {COLUMNS}, attempts)
        INSERT INTO outbox_dead_letter ({COLUMNS}, attempts, subscriber, error_class, error, traceback, died_at)
        SELECT {COLUMNS}, attempts, '', %s, %s, %s, statement_timestamp() FROM gone
        ON CONFLICT (message_id, subscriber) DO NOTHING
        """,
        [row, error_class, error, traceback],
    )


def take_overdue(limit: int, redeliver_after: timedelta) -> list[Due]:
    """Open deliveries to publish again, each given its next time before it goes out.

    That time doubles with the delivery's age, up to ten times `redeliver_after`: a long queue is not made longer by copies.
    A row that a handler is confirming at this moment is skipped.
    """
    rows = _rows(
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
        SELECT taken.row, taken.subscriber, taken.attempts, {COLUMNS} FROM taken JOIN outbox_published USING (message_id)
        """,
        [limit, redeliver_after, redeliver_after],
    )
    return [
        Due(row, Envelope(*carried, attempts=attempts, again=True), subscriber)
        for row, subscriber, attempts, *carried in rows
    ]


def give_back_overdue(rows: Sequence[int]) -> None:
    """These deliveries did not go out after all: they are due again."""
    _execute("UPDATE outbox_delivery SET due_at = statement_timestamp() WHERE id = ANY(%s)", [list(rows)])


# --- The relay's lease ---------------------------------------------------------------------------------------------
def take_lease(name: str, owner: str, length: timedelta) -> int | None:
    """The lease's new epoch when it was free or ours; None while another holds it."""
    rows = _rows(
        """
        INSERT INTO outbox_lease (name, owner, epoch, until) VALUES (%s, %s, 1, statement_timestamp() + %s)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = outbox_lease.epoch + 1, until = excluded.until
        WHERE outbox_lease.until <= statement_timestamp() OR outbox_lease.owner = excluded.owner
        RETURNING epoch
        """,
        [name, owner, length],
    )
    return int(rows[0][0]) if rows else None


def release_lease(name: str, owner: str, epoch: int) -> None:
    """Let the next relay in; nothing happens when the lease has gone to another."""
    _execute(
        "UPDATE outbox_lease SET until = statement_timestamp() WHERE name = %s AND owner = %s AND epoch = %s",
        [name, owner, epoch],
    )


# --- The inbox -----------------------------------------------------------------------------------------------------
def claim(message_id: UUID, subscriber: str) -> bool:
    """Note, in the handler's transaction, that this subscriber handles this message; False when it is settled already.

    While another transaction handles the same message this waits for its end.
    """
    rows = _rows(
        """
        INSERT INTO outbox_inbox (subscriber, message_id, handled_at)
        SELECT %s, %s, statement_timestamp()
        WHERE NOT EXISTS (SELECT 1 FROM outbox_dead_letter WHERE message_id = %s AND subscriber = %s)
        ON CONFLICT (message_id, subscriber) DO NOTHING RETURNING 1
        """,
        [subscriber, message_id, message_id, subscriber],
    )
    return bool(rows)


def confirm(message_id: UUID, subscriber: str) -> None:
    """Close the delivery."""
    _execute("DELETE FROM outbox_delivery WHERE message_id = %s AND subscriber = %s", [message_id, subscriber])


def begin_again(message_id: UUID, subscriber: str, attempts: int, redeliver_after: timedelta) -> bool:
    """Count a try before it begins, so that a handler that kills its worker is counted; False when the copy is stale."""
    rows = _rows(
        """
        UPDATE outbox_delivery SET attempts = attempts + 1, due_at = statement_timestamp() + %s
        WHERE message_id = %s AND subscriber = %s AND attempts = %s RETURNING 1
        """,
        [redeliver_after, message_id, subscriber, attempts],
    )
    return bool(rows)


def is_open(message_id: UUID, subscriber: str) -> bool:
    """Whether the delivery is on the books, unconfirmed."""
    return bool(_rows("SELECT 1 FROM outbox_delivery WHERE message_id = %s AND subscriber = %s", [message_id, subscriber]))


def hold_delivery(message_id: UUID, subscriber: str, attempts: int, delay: timedelta, error: str) -> None:
    """Deliver again after `delay`, with `attempts` on the books. The relay may not have marked the message yet."""
    _execute(
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
    _execute(
        f"""
        WITH dead AS (
            INSERT INTO outbox_dead_letter ({COLUMNS}, attempts, subscriber, error_class, error, traceback, died_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, statement_timestamp())
            ON CONFLICT (message_id, subscriber) DO NOTHING
        )
        DELETE FROM outbox_delivery WHERE message_id = %s AND subscriber = %s
        """,
        [one.id, one.type, one.version, one.key, one.payload, one.headers, one.occurred_at]
        + [attempts, subscriber, *error, one.id, subscriber],
    )


# --- Upkeep --------------------------------------------------------------------------------------------------------
def prune_published(keep: timedelta, limit: int) -> int:
    """Delete up to `limit` published messages older than `keep` that no subscriber still waits for."""
    return _execute(
        """
        DELETE FROM outbox_published WHERE id IN (
            SELECT id FROM outbox_published AS old WHERE published_at < statement_timestamp() - %s
            AND NOT EXISTS (SELECT 1 FROM outbox_delivery AS open WHERE open.message_id = old.message_id)
            ORDER BY published_at LIMIT %s)
        """,
        [keep, limit],
    )


def prune_inbox(keep: timedelta, limit: int) -> int:
    """Delete up to `limit` inbox entries older than `keep` whose message can no longer arrive from our own books."""
    return _execute(
        """
        DELETE FROM outbox_inbox WHERE id IN (
            SELECT id FROM outbox_inbox AS old WHERE handled_at < statement_timestamp() - %s
            AND NOT EXISTS (SELECT 1 FROM outbox_published AS kept WHERE kept.message_id = old.message_id)
            AND NOT EXISTS (SELECT 1 FROM outbox_delivery AS open WHERE open.message_id = old.message_id)
            AND NOT EXISTS (SELECT 1 FROM outbox_dead_letter AS dead WHERE dead.message_id = old.message_id)
            AND NOT EXISTS (SELECT 1 FROM outbox_message AS new WHERE new.message_id = old.message_id)
            ORDER BY handled_at LIMIT %s)
        """,
        [keep, limit],
    )


def oldest_unpublished_age() -> timedelta | None:
    """Age of the first message by id; it is the oldest but for transactions that overlapped."""
    rows = _rows("SELECT clock_timestamp() - created_at FROM outbox_message ORDER BY id LIMIT 1")
    return rows[0][0] if rows else None


def _rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _execute(statement: str, parameters: Sequence[Any] = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount
