"""Statements on the relay's lease, and on what is old."""

from __future__ import annotations

from datetime import timedelta

from . import run


def take_lease(name: str, owner: str, length: timedelta) -> int | None:
    """The lease's new epoch when it was free or ours; None while another holds it."""
    rows = run.rows(
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
    run.execute(
        "UPDATE outbox_lease SET until = statement_timestamp() WHERE name = %s AND owner = %s AND epoch = %s",
        [name, owner, epoch],
    )


def prune_published(keep: timedelta, limit: int) -> int:
    """Delete up to `limit` published messages older than `keep` that no subscriber still waits for."""
    return run.execute(
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
    return run.execute(
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
    rows = run.rows("SELECT clock_timestamp() - created_at FROM outbox_message ORDER BY id LIMIT 1")
    return rows[0][0] if rows else None
