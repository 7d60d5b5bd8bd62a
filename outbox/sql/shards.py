"""Statements on which relay owns which shard. Times are PostgreSQL's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from . import run


class Share(NamedTuple):
    """A relay's share of one destination."""

    relays: int
    """How many relays live, this one included."""
    held: int
    free: int


def make_shards(destination: str, count: int) -> None:
    """Write a row for each shard that has none yet."""
    run.execute(
        """
        INSERT INTO outbox_shard (destination, shard, owner, epoch, until, paused)
        SELECT %s, number, '', 0, statement_timestamp(), false FROM generate_series(0, %s - 1) AS number
        ON CONFLICT (destination, shard) DO NOTHING
        """,
        [destination, count],
    )


def register_relay(owner: str, destinations: Sequence[str]) -> None:
    """Record that this relay lives; call it again from time to time."""
    run.execute(
        """
        INSERT INTO outbox_relay (owner, destinations, started_at, seen_at)
        VALUES (%s, %s, statement_timestamp(), statement_timestamp())
        ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at
        """,
        [owner, list(destinations)],
    )


def deregister_relay(owner: str, forget_after: timedelta) -> None:
    """Record that this relay ends, and free its shards at once. Also deletes relays not seen for `forget_after`."""
    run.execute(
        """
        WITH gone AS (DELETE FROM outbox_relay WHERE owner = %s OR seen_at < statement_timestamp() - %s)
        UPDATE outbox_shard SET until = statement_timestamp(), owner = '' WHERE owner = %s
        """,
        [owner, forget_after, owner],
    )


def read_share(destination: str, owner: str, alive_for: timedelta) -> Share:
    """How many relays live, how many shards this one owns, and how many are free."""
    found = run.rows(
        """
        SELECT (SELECT count(*) FROM outbox_relay
                WHERE %(destination)s = ANY(destinations) AND seen_at > statement_timestamp() - %(alive_for)s),
               count(*) FILTER (WHERE owner = %(owner)s AND until > statement_timestamp()),
               count(*) FILTER (WHERE until <= statement_timestamp() AND NOT paused)
        FROM outbox_shard WHERE destination = %(destination)s
        """,
        {"destination": destination, "owner": owner, "alive_for": alive_for},
    )
    return Share(*found[0])


def renew_leases(destination: str, owner: str, length: timedelta) -> int:
    """Extend the leases of this relay by `length`; a paused shard is released. Returns how many it owns."""
    return run.execute(
        """
        UPDATE outbox_shard SET until = statement_timestamp() + CASE WHEN paused THEN interval '0' ELSE %s END
        WHERE destination = %s AND owner = %s AND until > statement_timestamp()
        """,
        [length, destination, owner],
    )


def take_shards(destination: str, owner: str, most: int, length: timedelta, free_for: timedelta) -> int:
    """Take up to `most` shards that nobody has owned for `free_for`. Returns how many. A new owner gets a new epoch."""
    return run.execute(
        """
        WITH free AS (
            SELECT id FROM outbox_shard
            WHERE destination = %s AND until <= statement_timestamp() - %s AND NOT paused
            ORDER BY until, shard LIMIT %s FOR UPDATE SKIP LOCKED
        )
        UPDATE outbox_shard AS s SET owner = %s, epoch = s.epoch + 1, until = statement_timestamp() + %s
        FROM free WHERE s.id = free.id
        """,
        [destination, free_for, most, owner, length],
    )


def release_shards(destination: str, owner: str, count: int) -> int:
    """Release `count` shards. Returns how many were released."""
    return run.execute(
        """
        WITH given AS (
            SELECT id FROM outbox_shard WHERE destination = %s AND owner = %s AND until > statement_timestamp()
            ORDER BY shard DESC LIMIT %s FOR UPDATE
        )
        UPDATE outbox_shard AS s SET until = statement_timestamp(), owner = ''
        FROM given WHERE s.id = given.id
        """,
        [destination, owner, count],
    )
