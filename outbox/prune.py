"""Keeps the history short. Unpublished messages and dead letters are never removed by age."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from . import settings, sql

logger = logging.getLogger(__name__)

BATCH = 1_000  # rows a statement: short locks, little to vacuum at once


def prune() -> tuple[int, int]:
    """Delete what is older than OUTBOX_KEEP_PUBLISHED; returns how many published messages and inbox entries.

    An inbox entry outlives its message's history, so that nothing on our books can be handled twice.
    """
    keep = settings.keep_published()
    published = _in_batches(sql.prune_published, keep)
    inbox = _in_batches(sql.prune_inbox, keep)
    logger.info("Pruned the outbox", extra={"published": published, "inbox": inbox})
    return published, inbox


def _in_batches(delete: Callable[[timedelta, int], int], keep: timedelta) -> int:
    total = 0
    while True:
        deleted = delete(keep, BATCH)
        total += deleted
        if deleted < BATCH:
            return total
