"""Statements on unpublished messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from ..envelope import Envelope
from . import run


@dataclass(frozen=True, slots=True)
class Due:
    """A row to publish: an unpublished message, or an open delivery to one `subscriber`."""

    row: int
    envelope: Envelope
    subscriber: str = ""


class NewMessage(NamedTuple):
    """A message to be written; `payload` and `headers` are JSON text."""

    message_id: UUID
    type: str
    version: int
    key: str
    payload: str
    headers: str


def insert_message(message: NewMessage) -> None:
    """Write one message, due at once."""
    run.execute(
        f"""
        INSERT INTO outbox_message ({run.COLUMNS}, attempts, due_at, last_error)
        VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp(), 0, statement_timestamp(), '')
        """,
        message,
    )


INSERT_GATHERED = f"""
INSERT INTO outbox_message ({run.COLUMNS}, attempts, due_at, last_error)
SELECT m.*, clock_timestamp(), 0, statement_timestamp(), ''
FROM {{source}}unnest(%(message_ids)s::uuid[], %(types)s::text[], %(versions)s::int[], %(keys)s::text[],
                      %(payloads)s::text[], %(headers)s::text[]) AS m
"""
"""Writes the messages of `columns`; `source` may name a CTE and a comma, whose one row they depend on."""


def columns(messages: Sequence[NewMessage]) -> dict[str, list[Any]]:
    """The parameters of INSERT_GATHERED."""
    names = ("message_ids", "types", "versions", "keys", "payloads", "headers")
    return {name: [message[place] for message in messages] for place, name in enumerate(names)}


def anything_due() -> tuple[bool, bool]:
    """Whether messages, and whether deliveries, are due."""
    found = run.rows(
        """
        SELECT EXISTS (SELECT 1 FROM outbox_message WHERE due_at <= statement_timestamp()),
               EXISTS (SELECT 1 FROM outbox_delivery WHERE due_at <= statement_timestamp())
        """
    )
    return found[0][0], found[0][1]


def fetch(limit: int) -> list[Due]:
    """The oldest due messages. No lock is taken: the lease keeps other relays away, the inbox absorbs what slips by."""
    rows = run.rows(
        f"""
        SELECT id, {run.COLUMNS} FROM outbox_message
        WHERE due_at <= statement_timestamp() ORDER BY id LIMIT %s
        """,
        [limit],
    )
    return [Due(row, Envelope(*carried)) for row, *carried in rows]


def mark(rows: Sequence[int], recipients: Iterable[tuple[str, str]], redeliver_after: timedelta) -> None:
    """Move published messages to the history, and open a delivery to each (type, subscriber) of `recipients`.

    No fence is needed: these rows *were* published. A subscriber may have been quicker than this statement, so what the
    inbox or a dead letter has settled gets no delivery.
    """
    pairs = list(recipients)
    run.execute(
        f"""
        WITH gone AS (
            DELETE FROM outbox_message WHERE id = ANY(%s) RETURNING {run.COLUMNS}
        ), kept AS (
            INSERT INTO outbox_published ({run.COLUMNS}, published_at)
            SELECT {run.COLUMNS}, statement_timestamp() FROM gone ON CONFLICT (message_id) DO NOTHING
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
    found = run.rows("UPDATE outbox_message SET attempts = attempts + 1 WHERE id = %s RETURNING attempts", [row])
    return int(found[0][0]) if found else 0


def hold_message(row: int, delay: timedelta, error: str) -> None:
    """Do not publish this message before `delay` has passed."""
    run.execute(
        "UPDATE outbox_message SET due_at = statement_timestamp() + %s, last_error = %s WHERE id = %s",
        [delay, error, row],
    )


def bury_message(row: int, error_class: str, error: str, traceback: str) -> None:
    """Make a dead letter of a message that cannot be published."""
    run.execute(
        f"""
        WITH gone AS (DELETE FROM outbox_message WHERE id = %s RETURNING {run.COLUMNS}, attempts)
        INSERT INTO outbox_dead_letter ({run.COLUMNS}, attempts, subscriber, error_class, error, traceback, died_at)
        SELECT {run.COLUMNS}, attempts, '', %s, %s, %s, statement_timestamp() FROM gone
        ON CONFLICT (message_id, subscriber) DO NOTHING
        """,
        [row, error_class, error, traceback],
    )
