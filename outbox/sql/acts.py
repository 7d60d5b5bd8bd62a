"""Statements for what operators do with held keys and dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from . import run


def lock_shard(destination: str, shard: int) -> bool:
    """Prevent relays from taking the shard until this transaction ends. Returns whether a relay owns it now."""
    rows = run.rows(
        """
        SELECT until > clock_timestamp() FROM outbox_shard WHERE destination = %s AND shard = %s FOR UPDATE
        """,
        [destination, shard],
    )
    return bool(rows and rows[0][0])


def holds_for(hold_id: int, at_least: timedelta) -> bool:
    """Whether the key stays held for at least that long; nobody fetches its messages meanwhile."""
    rows = run.rows(
        "SELECT until IS NULL OR until > clock_timestamp() + %s FROM outbox_hold WHERE id = %s", [at_least, hold_id]
    )
    return bool(rows and rows[0][0])


def try_at_once(hold_id: int) -> None:
    """End the hold's wait now. The hold stays, with its count, until the key's first message has gone out."""
    run.execute("UPDATE outbox_hold SET until = statement_timestamp() WHERE id = %s", [hold_id])


def dead_letter_skipped(destination: str, shard: int, position: int, error: str) -> int:
    """Turn an unpublished message into a dead letter. Returns how many there were, 0 or 1."""
    return run.execute(
        f"""
        WITH gone AS (
            DELETE FROM outbox_message WHERE destination = %s AND shard = %s AND id = %s RETURNING *
        )
        INSERT INTO outbox_dead_letter ({run.COLUMNS}, attempts, destination, position, subscriber, error_class, error,
                                        traceback, died_at)
        SELECT {run.COLUMNS}, attempts, destination, id, '', 'Skipped', %s, '', statement_timestamp() FROM gone
        ON CONFLICT (message_id, subscriber, destination) DO NOTHING
        """,
        [destination, shard, position, error],
    )


def count_behind(holds: Sequence[int], most: int, window: int) -> dict[int, tuple[int, bool]]:
    """For each hold: how many messages of its key wait behind the first, and whether there may be more.

    Counts up to `most` messages and reads at most `window` rows of the shard for each hold.
    """
    rows = run.rows(
        """
        SELECT h.id, seen.ours, seen.ours >= %(most)s OR seen.all >= %(window)s
        FROM outbox_hold AS h CROSS JOIN LATERAL (
            SELECT count(*) AS all, least(count(*) FILTER (WHERE m.key = h.key), %(most)s) AS ours
            FROM (SELECT key FROM outbox_message
                  WHERE destination = h.destination AND shard = h.shard AND id > h.position
                  ORDER BY id LIMIT %(window)s) AS m
        ) AS seen
        WHERE h.id = ANY(%(holds)s)
        """,
        {"holds": list(holds), "most": most, "window": window},
    )
    return {hold: (count, more) for hold, count, more in rows}


def schedule_requeue(dead_letters: Sequence[int], every: timedelta, who: str) -> int:
    """Give these dead letters, in this order, a time to be requeued, `every` apart. Returns how many had none yet."""
    return run.execute(
        """
        UPDATE outbox_dead_letter AS dead
        SET requeue_at = statement_timestamp() + (turn.place - 1) * %s, requeue_by = %s
        FROM unnest(%s::bigint[]) WITH ORDINALITY AS turn (id, place)
        WHERE dead.id = turn.id AND dead.requeue_at IS NULL
        """,
        [every, who, list(dead_letters)],
    )


def stop_requeue() -> int:
    """Cancel all scheduled requeues. Returns how many there were."""
    return run.execute("UPDATE outbox_dead_letter SET requeue_at = NULL, requeue_by = '' WHERE requeue_at IS NOT NULL")


def due_for_requeue(limit: int) -> list[int]:
    """The dead letters whose time to be requeued has come, at most `limit`."""
    rows = run.rows(
        """
        SELECT id FROM outbox_dead_letter WHERE requeue_at <= statement_timestamp() ORDER BY requeue_at LIMIT %s
        """,
        [limit],
    )
    return [row for (row,) in rows]


def lock_for_requeue(dead_letter: int) -> bool:
    """Lock a dead letter for its requeue. False when another transaction has it, or the requeue was cancelled."""
    return bool(
        run.rows(
            """
            SELECT 1 FROM outbox_dead_letter WHERE id = %s AND requeue_at <= statement_timestamp()
            FOR UPDATE SKIP LOCKED
            """,
            [dead_letter],
        )
    )


def unschedule_requeue(dead_letter: int) -> None:
    """Cancel the scheduled requeue of this dead letter."""
    run.execute("UPDATE outbox_dead_letter SET requeue_at = NULL, requeue_by = '' WHERE id = %s", [dead_letter])
