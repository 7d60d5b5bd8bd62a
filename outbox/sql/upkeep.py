"""Statements that delete old rows, and that read how old messages are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from . import run
from .snapshots import Heads, arrays


def prune_published(keep: timedelta, limit: int) -> int:
    """Delete up to `limit` rows older than `keep` from the history's default partition. Keeps what a delivery needs."""
    return run.execute(
        """
        DELETE FROM outbox_published_default
        WHERE published_at < statement_timestamp() - %s  -- again: a requeue may have touched the row meanwhile
          AND (message_id, destination) IN (
            SELECT message_id, destination FROM outbox_published_default AS old
            WHERE published_at < statement_timestamp() - %s
              AND NOT EXISTS (SELECT 1 FROM outbox_delivery AS open WHERE open.message_id = old.message_id)
            LIMIT %s)
        """,
        [keep, keep, limit],
    )


def prune_inbox(keep: timedelta, limit: int) -> int:
    """Delete up to `limit` rows older than `keep` from the inbox's default partition. Keeps what a message needs."""
    return run.execute(
        """
        DELETE FROM outbox_inbox_default WHERE (message_id, subscriber) IN (
            SELECT message_id, subscriber FROM outbox_inbox_default AS old
            WHERE handled_at < statement_timestamp() - %s
              AND NOT EXISTS (SELECT 1 FROM outbox_published AS kept
                              WHERE kept.message_id = old.message_id AND kept.day = old.day)
              AND NOT EXISTS (SELECT 1 FROM outbox_delivery AS open WHERE open.message_id = old.message_id)
              AND NOT EXISTS (SELECT 1 FROM outbox_message AS new WHERE new.message_id = old.message_id)
            LIMIT %s)
        """,
        [keep, limit],
    )


def unpublished_ages(since: Heads | None = None, names: Sequence[str] = ()) -> dict[str, timedelta]:
    """How long the first message to each destination has waited; destinations without one are missing.

    Reads the first row of each shard: the smallest id is the oldest, except for transactions that overlapped. `since`:
    the first id to read in each shard; `names`: destinations that may have no shards yet.
    """
    if since:
        return _ages_from(since, names)
    rows = run.rows(
        """
        WITH RECURSIVE shard (destination, shard) AS (
            (SELECT destination, shard FROM outbox_message ORDER BY destination, shard LIMIT 1)
            UNION ALL
            SELECT next.* FROM shard CROSS JOIN LATERAL (
                SELECT m.destination, m.shard FROM outbox_message AS m
                WHERE (m.destination, m.shard) > (shard.destination, shard.shard)
                ORDER BY m.destination, m.shard LIMIT 1) AS next
        )
        SELECT destination, max(clock_timestamp() - first.created_at) FROM shard CROSS JOIN LATERAL (
            SELECT m.created_at FROM outbox_message AS m
            WHERE m.destination = shard.destination AND m.shard = shard.shard ORDER BY m.id LIMIT 1
        ) AS first GROUP BY destination ORDER BY destination
        """
    )
    return dict(rows)


def _ages_from(since: Heads, names: Sequence[str]) -> dict[str, timedelta]:
    rows = run.rows(
        """
        SELECT destination, max(clock_timestamp() - created_at) FROM (
            SELECT since.destination, first.created_at
            FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS since (destination, shard, id) CROSS JOIN LATERAL (
                SELECT created_at FROM outbox_message AS m
                WHERE m.destination = since.destination AND m.shard = since.shard AND m.id >= since.id
                ORDER BY m.id LIMIT 1) AS first
            UNION ALL
            SELECT name, first.created_at FROM unnest(%s::text[]) AS name CROSS JOIN LATERAL (
                SELECT created_at FROM outbox_message AS m WHERE m.destination = name ORDER BY m.shard, m.id LIMIT 1
            ) AS first
        ) AS heads GROUP BY destination ORDER BY destination
        """,
        [*arrays(since), [name for name in names if all(name != pair[0] for pair in since)]],
    )
    return dict(rows)
