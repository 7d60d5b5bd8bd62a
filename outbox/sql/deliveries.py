"""Statements on open deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..masking import masked
from ..messages.envelope import Envelope
from . import run
from .messages import Due


class Route(NamedTuple):
    """How messages reach a subscriber."""

    subscriber: str
    passed_at: datetime | None
    """What was sent before this time has left the broker's queue; None when no watermark has arrived."""
    soon: bool
    """The subscriber pulls, so that a copy which arrives while another worker is busy ends at once."""


def take_overdue(
    destination: str,
    limit: int,
    redeliver_after: timedelta,
    routes: Sequence[Route] = (),
    since: datetime | None = None,
) -> list[Due]:
    """Open deliveries that are due.

    Each gets its next time before it is sent; those with `waits` are not to be sent.

    A delivery waits while its last copy is still in the queue, for at most ten times `redeliver_after`; it is checked
    again after a quarter of its waiting time. For a subscriber that is not in `routes` nothing is known, and everything
    is sent. After sending, the next time is `redeliver_after` later, growing with age up to ten times that; for
    subscribers that pull, a third of it, growing to a fifth of the age, at most all of it. A row that a handler is
    confirming is skipped. Nothing is returned while the whole destination is paused. Locks rows of outbox_delivery in
    the order of `due_at`.
    """
    rows = run.rows(
        f"""
        WITH overdue AS (
            SELECT d.id, coalesce(route.soon AND d.key <> '', false) AS soon,
                   coalesce(route.subscriber IS NOT NULL AND d.sent_at > coalesce(route.passed_at, '-infinity')
                            AND d.sent_at > statement_timestamp() - 10 * %(after)s, false) AS waits
            FROM outbox_delivery AS d
            LEFT JOIN unnest(%(subscribers)s::text[], %(passed)s::timestamptz[], %(soon)s::boolean[])
                      AS route (subscriber, passed_at, soon) USING (subscriber)
            WHERE d.due_at <= statement_timestamp() AND d.due_at >= coalesce(%(since)s, '-infinity'::timestamptz)
              AND d.destination = %(destination)s
              AND NOT (SELECT coalesce(bool_and(paused), false) FROM outbox_shard AS s
                       WHERE s.destination = %(destination)s)
            ORDER BY d.due_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
        ), taken AS (
            UPDATE outbox_delivery AS d
            SET held_by = '',
                sent_at = CASE WHEN overdue.waits THEN d.sent_at ELSE statement_timestamp() END,
                due_at = statement_timestamp() + CASE
                    WHEN overdue.waits THEN least(greatest(interval '1 s', (statement_timestamp() - d.sent_at) / 4),
                                                  interval '1 min')
                    WHEN overdue.soon THEN least(greatest(%(after)s / 3, (statement_timestamp() - d.created_at) / 5),
                                                 %(after)s)
                    ELSE least(greatest(%(after)s, statement_timestamp() - d.created_at), 10 * %(after)s) END
            FROM overdue WHERE d.id = overdue.id
            RETURNING d.*, overdue.waits
        )
        SELECT taken.id, taken.subscriber, taken.waits, {run.envelope("p")},
               taken.position, taken.destination, taken.attempts
        FROM taken JOIN outbox_published AS p USING (message_id, destination, day)
        ORDER BY taken.position
        """,
        {
            **{"destination": destination, "limit": limit, "after": redeliver_after},
            **{"subscribers": [route.subscriber for route in routes], "passed": [route.passed_at for route in routes]},
            "soon": [route.soon for route in routes],
            "since": since,
        },
    )
    return [
        Due(row, 0, 0, Envelope(*carried)._replace(again=True), subscriber, waits)
        for row, subscriber, waits, *carried in rows
    ]


def give_back_overdue(rows: Sequence[int]) -> None:
    """Make these deliveries due again, because they did not go out."""
    run.execute(
        "UPDATE outbox_delivery SET due_at = statement_timestamp(), sent_at = NULL WHERE id = ANY(%s)", [list(rows)]
    )


def claim(envelope: Envelope, subscriber: str) -> bool:
    """Write the inbox row, in the handler's transaction. False when this subscriber has settled the message already.

    While another transaction handles the same message, this waits for its end.
    """
    rows = run.rows(
        """
        INSERT INTO outbox_inbox (subscriber, message_id, day, handled_at)
        SELECT %s, %s::uuid, %s::date, statement_timestamp()
        WHERE NOT EXISTS (SELECT 1 FROM outbox_dead_letter WHERE message_id = %s AND subscriber = %s)
        ON CONFLICT (message_id, subscriber, day) DO NOTHING RETURNING 1
        """,
        [subscriber, envelope.id, envelope.day, envelope.id, subscriber],
    )
    return bool(rows)


def is_settled(envelope: Envelope, subscriber: str) -> bool:
    """Whether this subscriber has handled the message or given it up."""
    return bool(
        run.rows(
            """
            SELECT 1 FROM outbox_inbox WHERE message_id = %s AND subscriber = %s AND day = %s
            UNION ALL SELECT 1 FROM outbox_dead_letter WHERE message_id = %s AND subscriber = %s
            """,
            [envelope.id, subscriber, envelope.day, envelope.id, subscriber],
        )
    )


def unclaim(envelope: Envelope, subscriber: str) -> None:
    """Delete the inbox row, in the transaction that wrote it."""
    run.execute(
        "DELETE FROM outbox_inbox WHERE message_id = %s AND subscriber = %s AND day = %s",
        [envelope.id, subscriber, envelope.day],
    )


def confirm(message_id: str, subscriber: str) -> bool:
    """Close the delivery. False when none is open, or not yet."""
    deleted = "DELETE FROM outbox_delivery WHERE message_id = %s AND subscriber = %s"
    return bool(run.execute(deleted, [message_id, subscriber]))


def close_settled(message_ids: Sequence[str]) -> int:
    """Close deliveries of these messages that were opened after the message was settled. Returns how many."""
    return run.execute(
        """
        DELETE FROM outbox_delivery AS d WHERE d.message_id = ANY(%s::uuid[]) AND (
            EXISTS (SELECT 1 FROM outbox_inbox AS i
                    WHERE i.message_id = d.message_id AND i.subscriber = d.subscriber AND i.day = d.day)
            OR EXISTS (SELECT 1 FROM outbox_dead_letter AS dead
                       WHERE dead.message_id = d.message_id AND dead.subscriber = d.subscriber))
        """,
        [list(message_ids)],
    )


def begin_again(message_id: str, subscriber: str, attempts: int, redeliver_after: timedelta, worker: str) -> bool:
    """Count a try before it begins, because a handler may kill its worker. False when a later try is recorded."""
    rows = run.rows(
        """
        UPDATE outbox_delivery
        SET attempts = attempts + 1, due_at = statement_timestamp() + %s, held_by = %s, sent_at = NULL
        WHERE message_id = %s AND subscriber = %s AND attempts = %s RETURNING 1
        """,
        [redeliver_after, worker, message_id, subscriber, attempts],
    )
    return bool(rows)


def is_open(message_id: str, subscriber: str) -> bool:
    """Whether this subscriber's delivery of the message is open."""
    return bool(
        run.rows("SELECT 1 FROM outbox_delivery WHERE message_id = %s AND subscriber = %s", [message_id, subscriber])
    )


def lock_open(message_id: str, subscriber: str) -> bool:
    """Whether the delivery is open, and keep it so until the transaction ends.

    Waits for a transaction that closes it.
    """
    return bool(
        run.rows(
            "SELECT 1 FROM outbox_delivery WHERE message_id = %s AND subscriber = %s FOR UPDATE",
            [message_id, subscriber],
        )
    )


def hold_delivery(envelope: Envelope, subscriber: str, attempts: int, delay: timedelta, error: str) -> None:
    """Deliver again after `delay`, with `attempts` recorded. Also when the relay has not opened the delivery yet."""
    one = envelope
    run.execute(
        """
        INSERT INTO outbox_delivery (message_id, subscriber, destination, day, key, position, attempts, due_at,
                                     held_until, last_error, created_at)
        SELECT %s, %s, %s, %s, %s, %s, %s, until, until, %s, statement_timestamp()
        FROM (SELECT statement_timestamp() + %s) AS held (until)
        ON CONFLICT (message_id, subscriber) DO UPDATE
        SET attempts = excluded.attempts, due_at = excluded.due_at, held_until = excluded.held_until,
            last_error = excluded.last_error, failed_by_us = 0, held_by = '', sent_at = NULL
        WHERE outbox_delivery.attempts <= excluded.attempts + 1
        """,
        [one.id, subscriber, one.destination, one.day, one.key, one.position, attempts, masked(error), delay],
    )


def hold_after_infrastructure_failure(envelope: Envelope, subscriber: str, error: str) -> int | None:
    """Deliver again soon, later each time up to a minute, without using up an attempt.

    Returns how often in a row that happened; None when a later try is recorded.
    """
    one = envelope
    found = run.rows(
        """
        INSERT INTO outbox_delivery (message_id, subscriber, destination, day, key, position, attempts, due_at,
                                     held_until, last_error, created_at, failed_by_us)
        SELECT %(id)s, %(subscriber)s, %(destination)s, %(day)s, %(key)s, %(position)s, %(attempts)s, until, until,
               %(error)s, statement_timestamp(), 1
        FROM (SELECT statement_timestamp() + make_interval(secs => 0.75 + random() / 2)) AS held (until)
        ON CONFLICT (message_id, subscriber) DO UPDATE
        SET attempts = excluded.attempts, last_error = excluded.last_error,
            due_at = statement_timestamp() + least(power(2, outbox_delivery.failed_by_us), 60)
                                             * (excluded.due_at - statement_timestamp()),
            held_until = statement_timestamp() + least(power(2, outbox_delivery.failed_by_us), 60)
                                                 * (excluded.due_at - statement_timestamp()),
            failed_by_us = outbox_delivery.failed_by_us + 1, held_by = '', sent_at = NULL
        WHERE outbox_delivery.attempts <= excluded.attempts + 1
        RETURNING failed_by_us
        """,
        {
            **{"id": one.id, "subscriber": subscriber, "destination": one.destination, "day": one.day, "key": one.key},
            **{"position": one.position, "attempts": one.attempts, "error": masked(error)},
        },
    )
    return int(found[0][0]) if found else None


def dead_letter_delivery(envelope: Envelope, subscriber: str, attempts: int, error: tuple[str, str, str]) -> None:
    """Turn a delivery into a dead letter. `error` is its class, text and traceback."""
    one = envelope
    carried = (one.id, one.type, one.version, one.key, one.payload, one.headers, one.occurred_at)
    run.execute(
        f"""
        WITH dead AS (
            INSERT INTO outbox_dead_letter ({run.COLUMNS}, destination, position, attempts, subscriber, error_class,
                                            error, traceback, died_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, statement_timestamp())
            ON CONFLICT (message_id, subscriber, destination) DO NOTHING
        )
        DELETE FROM outbox_delivery WHERE message_id = %s AND subscriber = %s
        """,
        [*carried, one.destination, one.position, attempts, subscriber, *map(masked, error), one.id, subscriber],
    )
