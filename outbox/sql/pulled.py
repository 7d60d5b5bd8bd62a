"""Statements on deliveries that a subscriber pulls: in order, or several at once.

Whoever handles a message holds the row lock of its delivery, or its `held_until`. Nobody waits for either.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from ..messages.envelope import Envelope
from . import run


class OpenDelivery(NamedTuple):
    """An open delivery, with its message."""

    row: int
    held: bool
    """It may not be tried yet: it failed, or another worker has it."""
    envelope: Envelope


_OPEN = f"""
SELECT d.id, coalesce(d.held_until > statement_timestamp(), false), {run.envelope("p")},
       d.position, d.destination, d.attempts
FROM outbox_delivery AS d JOIN outbox_published AS p USING (message_id, destination, day)
"""
_FIRST = f"""
{_OPEN} WHERE d.id = (SELECT id FROM outbox_delivery WHERE subscriber = %(subscriber)s AND key = %(key)s
                      ORDER BY position, id LIMIT 1)
"""
_UNBLOCKED = """
AND NOT EXISTS (SELECT 1 FROM outbox_dead_letter AS dead
                WHERE dead.key = d.key AND dead.subscriber = d.subscriber AND dead.position < d.position)
"""


def first_open(subscriber: str, key: str, *, strict: bool) -> OpenDelivery | None:
    """The first open delivery of the key. With `strict`: None when an earlier message of the key is a dead letter."""
    found = run.rows(_FIRST + (_UNBLOCKED if strict else ""), {"subscriber": subscriber, "key": key})
    return _open(found)[0] if found else None


def open_one(subscriber: str, message_id: str) -> OpenDelivery | None:
    """The open delivery of this message; None when there is none."""
    found = run.rows(f"{_OPEN} WHERE d.message_id = %s AND d.subscriber = %s", [message_id, subscriber])
    return _open(found)[0] if found else None


def begin(row: int, attempts: int, lease: timedelta, worker: str) -> bool:
    """Count a try before it begins, and hold the delivery for `lease` under the worker's name.

    False when another worker has it, or a later try is recorded.
    """
    return bool(
        run.execute(
            """
            UPDATE outbox_delivery SET attempts = attempts + 1, due_at = statement_timestamp() + %(lease)s,
                                       held_until = statement_timestamp() + %(lease)s, held_by = %(worker)s,
                                       sent_at = NULL
            WHERE id = (SELECT id FROM outbox_delivery WHERE id = %(row)s AND attempts = %(attempts)s
                        AND (held_until IS NULL OR held_until <= statement_timestamp()) FOR UPDATE SKIP LOCKED)
            """,
            {"row": row, "attempts": attempts, "lease": lease, "worker": worker},
        )
    )


def free_held(worker: str) -> int:
    """End the holds of the worker of this name. Returns how many deliveries."""
    return run.execute(
        """
        UPDATE outbox_delivery SET held_until = NULL, held_by = '', due_at = statement_timestamp(), sent_at = NULL
        WHERE held_by = %s AND held_by <> ''
        """,
        [worker],
    )


def claim_ordered(row: int, attempts: int, subscriber: str) -> bool | None:
    """Close the delivery and write the inbox row, in the handler's transaction.

    True: handle it. False: it is settled already. None: another worker has it, or had it.
    """
    found = run.rows(
        """
        WITH turn AS (
            SELECT id, message_id, day FROM outbox_delivery WHERE id = %(row)s AND attempts = %(attempts)s
            FOR UPDATE SKIP LOCKED
        ), claimed AS (
            INSERT INTO outbox_inbox (subscriber, message_id, day, handled_at)
            SELECT %(subscriber)s, turn.message_id, turn.day, statement_timestamp() FROM turn
            WHERE NOT EXISTS (SELECT 1 FROM outbox_dead_letter AS dead
                              WHERE dead.message_id = turn.message_id AND dead.subscriber = %(subscriber)s)
            ON CONFLICT (message_id, subscriber, day) DO NOTHING RETURNING 1
        ), gone AS (
            DELETE FROM outbox_delivery WHERE id IN (SELECT id FROM turn)
        )
        SELECT (SELECT count(*) FROM claimed) FROM turn
        """,
        {"row": row, "attempts": attempts, "subscriber": subscriber},
    )
    return bool(found[0][0]) if found else None


def lock_untried(subscriber: str, keys: Sequence[str], ids: Sequence[str], limit: int) -> list[OpenDelivery]:
    """Lock up to `limit` untried deliveries of these keys and messages, in order, until the transaction ends.

    Deliveries that another worker has are left out.
    """
    found = run.rows(
        f"""
        WITH first AS (
            SELECT d.id FROM unnest(%(keys)s::text[]) AS wanted (key) CROSS JOIN LATERAL (
                SELECT id FROM outbox_delivery WHERE subscriber = %(subscriber)s AND key = wanted.key
                ORDER BY position, id LIMIT %(limit)s) AS d
            UNION
            SELECT id FROM outbox_delivery WHERE subscriber = %(subscriber)s AND message_id = ANY(%(ids)s::uuid[])
        )
        {_OPEN} WHERE d.id IN (SELECT id FROM first) AND d.attempts = 0 AND d.held_until IS NULL
        ORDER BY d.position, d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
        """,
        {"subscriber": subscriber, "keys": list(keys), "ids": list(ids), "limit": limit},
    )
    return _open(found)


def first_positions_of_others(
    subscriber: str, keys: Sequence[str], rows: Sequence[int], *, strict: bool
) -> dict[str, int]:
    """For each key: the first open position that is not in `rows`; with `strict`, also of dead letters."""
    dead = """
        UNION ALL SELECT key, position FROM outbox_dead_letter
        WHERE subscriber = %(subscriber)s AND key = ANY(%(keys)s)
    """
    found = run.rows(
        f"""
        SELECT key, min(position) FROM (
            SELECT wanted.key, d.position FROM unnest(%(keys)s::text[]) AS wanted (key) CROSS JOIN LATERAL (
                SELECT position FROM outbox_delivery
                WHERE subscriber = %(subscriber)s AND key = wanted.key AND id <> ALL(%(rows)s)
                ORDER BY position LIMIT 1) AS d
            {dead if strict else ""}
        ) AS others GROUP BY key
        """,
        {"subscriber": subscriber, "keys": list(keys), "rows": list(rows)},
    )
    return dict(found)


def claim_batch(subscriber: str, rows: Sequence[int]) -> set[str]:
    """Close these locked deliveries and write their inbox rows. Returns the ids of the messages to handle."""
    found = run.rows(
        """
        WITH gone AS (DELETE FROM outbox_delivery WHERE id = ANY(%(rows)s) RETURNING message_id, day)
        INSERT INTO outbox_inbox (subscriber, message_id, day, handled_at)
        SELECT %(subscriber)s, gone.message_id, gone.day, statement_timestamp() FROM gone
        WHERE NOT EXISTS (SELECT 1 FROM outbox_dead_letter AS dead
                          WHERE dead.message_id = gone.message_id AND dead.subscriber = %(subscriber)s)
        ON CONFLICT (message_id, subscriber, day) DO NOTHING RETURNING message_id::text
        """,
        {"subscriber": subscriber, "rows": list(rows)},
    )
    return {message_id for (message_id,) in found}


def make_untried_due_now(message_ids: Sequence[str]) -> None:
    """Make these messages' untried deliveries due, because no subscriber could be woken: the relay tries again."""
    run.execute(
        """
        UPDATE outbox_delivery SET due_at = statement_timestamp(), sent_at = NULL
        WHERE message_id = ANY(%s::uuid[]) AND attempts = 0 AND held_until IS NULL
        """,
        [list(message_ids)],
    )


def wake_soon(subscriber: str, key: str) -> int:
    """Have the relay wake this subscriber for this key at its next round. Returns how many deliveries are open."""
    return run.execute(
        """
        UPDATE outbox_delivery SET due_at = statement_timestamp(), sent_at = NULL
        WHERE subscriber = %s AND key = %s AND (held_until IS NULL OR held_until <= statement_timestamp())
        """,
        [subscriber, key],
    )


def _open(found: list[tuple[object, ...]]) -> list[OpenDelivery]:
    return [OpenDelivery(row, held, Envelope(*carried)) for row, held, *carried in found]  # type: ignore[arg-type]
