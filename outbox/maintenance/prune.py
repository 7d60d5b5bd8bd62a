"""Keeps the history short. Unpublished messages and dead letters are never removed by age."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from .. import settings, sql
from ..heartbeats import heartbeat
from . import partitions

logger = logging.getLogger(__name__)

FORGOTTEN, ENDED = timedelta(days=1), timedelta(minutes=1)  # of workers: those that vanished, and those that ended
BATCH = 1_000  # rows for each statement: short locks, little to vacuum at once


@heartbeat.leaves("outbox.prune", "partitions dropped")
def prune() -> int:
    """Drop the days older than OUTBOX_KEEP_PUBLISHED, and make the next days.

    Returns how many partitions were dropped.

    An inbox row outlives its message's history, so that no message in our tables can be handled twice.
    """
    keep = settings.keep_published()
    dropped = partitions.keep_up(keep)
    published = _in_batches(sql.prune_published, keep)
    inbox = _in_batches(sql.prune_inbox, keep)
    holds = _in_batches(lambda _, limit: sql.delete_ended_holds(limit), keep)
    workers = sql.forget_lost_workers(FORGOTTEN, ENDED)
    logger.debug(
        "Pruned the outbox",
        extra={"partitions": dropped, "published": published, "inbox": inbox, "holds": holds, "workers": workers},
    )
    return dropped


def _in_batches(delete: Callable[[timedelta, int], int], keep: timedelta) -> int:
    total = 0
    while True:
        deleted = delete(keep, BATCH)
        total += deleted
        if deleted < BATCH:
            return total
