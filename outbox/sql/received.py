"""Statements on messages of other services. They wait in the same tables as ours, under the consumer's name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ..messages.envelope import Envelope
from . import run


def open_deliveries(envelope: Envelope, subscribers: Sequence[str]) -> None:
    """Store the message, and open a delivery, due at once, for each of these subscribers that has not settled it."""
    one = envelope
    run.execute(
        f"""
        WITH kept AS (
            INSERT INTO outbox_published (id, destination, {run.COLUMNS}, published_at, day)
            VALUES (%(position)s, %(name)s, %(id)s, %(type)s, %(version)s, %(key)s, %(payload)s, %(headers)s, %(at)s,
                    statement_timestamp(), %(day)s)
            ON CONFLICT DO NOTHING
        )
        INSERT INTO outbox_delivery (message_id, subscriber, destination, day, key, position, attempts, due_at,
                                     last_error, created_at)
        SELECT %(id)s, wanted.name, %(name)s, %(day)s, %(key)s, %(position)s, 0, statement_timestamp(), '',
               statement_timestamp()
        FROM unnest(%(subscribers)s::text[]) AS wanted (name)
        WHERE NOT EXISTS (SELECT 1 FROM outbox_inbox AS inbox WHERE inbox.message_id = %(id)s
                          AND inbox.subscriber = wanted.name AND inbox.day = %(day)s)
          AND NOT EXISTS (SELECT 1 FROM outbox_dead_letter AS dead
                          WHERE dead.message_id = %(id)s AND dead.subscriber = wanted.name)
        ON CONFLICT (message_id, subscriber) DO NOTHING
        """,
        {
            **{"position": one.position, "name": one.destination, "id": one.id, "type": one.type, "day": one.day},
            **{"version": one.version, "key": one.key, "payload": one.payload, "headers": one.headers},
            **{"at": one.occurred_at, "subscribers": list(subscribers)},
        },
    )


def take_due(name: str, limit: int, again_after: timedelta) -> list[tuple[str, Envelope]]:
    """(subscriber, message) of open deliveries that are due. Each gets its next time before it is tried.

    For each subscriber and key only the first delivery, even while it waits, so that the stream's order is kept. A row
    that another consumer has locked is skipped. Each key costs one index read, however many messages wait behind its
    first.
    """
    rows = run.rows(
        f"""
        WITH turn AS (
            SELECT first.id FROM (
                SELECT DISTINCT subscriber, key FROM outbox_delivery
                WHERE destination = %(name)s AND due_at <= statement_timestamp() AND key <> ''
            ) AS wanted CROSS JOIN LATERAL (
                SELECT id FROM outbox_delivery AS d
                WHERE d.subscriber = wanted.subscriber AND d.key = wanted.key AND d.destination = %(name)s
                ORDER BY d.position LIMIT 1) AS first
            UNION ALL
            SELECT id FROM outbox_delivery
            WHERE destination = %(name)s AND due_at <= statement_timestamp() AND key = ''
        ), due AS (
            SELECT d.id FROM outbox_delivery AS d JOIN outbox_published AS kept USING (message_id, destination, day)
            WHERE d.id IN (SELECT id FROM turn) AND d.due_at <= statement_timestamp()
            ORDER BY d.position LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
        ), taken AS (
            UPDATE outbox_delivery AS delivery SET due_at = statement_timestamp() + %(again_after)s
            FROM due WHERE delivery.id = due.id RETURNING delivery.*
        )
        SELECT taken.subscriber, {run.envelope("p")}, taken.position, taken.destination, taken.attempts
        FROM taken JOIN outbox_published AS p USING (message_id, destination, day) ORDER BY taken.position
        """,
        {"name": name, "limit": limit, "again_after": again_after},
    )
    return [(subscriber, Envelope(*carried)._replace(again=True)) for subscriber, *carried in rows]


def is_behind(envelope: Envelope, subscriber: str) -> bool:
    """Whether this subscriber has an earlier open message of the same key and stream."""
    one = envelope
    return bool(one.key) and bool(
        run.rows(
            """
            SELECT 1 FROM outbox_delivery
            WHERE subscriber = %s AND key = %s AND position < %s AND destination = %s LIMIT 1
            """,
            [subscriber, one.key, one.position, one.destination],
        )
    )
