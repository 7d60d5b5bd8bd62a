"""Statements on shards that a person has paused."""

from __future__ import annotations

from collections.abc import Sequence

from . import run


def pause(destination: str, shards: Sequence[int], who: str, why: str) -> int:
    """Pause these shards. A paused shard keeps who paused it first. Returns how many were not paused."""
    return run.execute(
        """
        UPDATE outbox_shard SET paused = true, paused_at = statement_timestamp(), paused_by = %s, paused_reason = %s
        WHERE destination = %s AND shard = ANY(%s) AND NOT paused
        """,
        [who, why, destination, list(shards)],
    )


def resume(destination: str, shards: Sequence[int]) -> int:
    """Resume these shards. Returns how many were paused."""
    return run.execute(
        """
        UPDATE outbox_shard SET paused = false, paused_at = NULL, paused_by = '', paused_reason = ''
        WHERE destination = %s AND shard = ANY(%s) AND paused
        """,
        [destination, list(shards)],
    )
