"""Requeues many dead letters at a bounded rate: each gets a time, and the relays requeue it then.

The time is stored in the dead letter's row. When a process dies nothing is lost, and what is left can be stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from .. import sql
from ..errors import OutboxError
from .audit import Actor, name_of
from .requeue import requeue

logger = logging.getLogger(__name__)

RATE = 10.0  # dead letters a second, by default
MOST = 100_000  # dead letters in one request
BATCH = 200  # dead letters that a relay requeues in one round


class NotPossible(OutboxError):
    """The request is not possible; nothing was done. The message says why."""


def start(dead_letters: Sequence[int], *, actor: Actor, rate: float = RATE) -> int:
    """Let the relays requeue these dead letters in this order, `rate` a second.

    Returns how many were not scheduled yet.

    Raises NotPossible for a rate of 0 or less or above 1000, and for more than 100,000 dead letters.
    """
    if not 0 < rate <= 1000:
        raise NotPossible("Give a rate above zero, and at most 1000 a second.")
    if len(dead_letters) > MOST:
        raise NotPossible(f"At most {MOST:,} at once; narrow the filter.")
    return sql.schedule_requeue(dead_letters, timedelta(seconds=1 / rate), name_of(actor))


def stop() -> int:
    """Cancel the requeues that are still scheduled. Returns how many."""
    return sql.stop_requeue()


def run_due() -> int:
    """Requeue the dead letters whose time has come. Returns how many. One that fails is logged and loses its time."""
    return sum(_one(row) for row in sql.due_for_requeue(BATCH))


def _one(row: int) -> bool:
    try:
        with transaction.atomic():
            return sql.lock_for_requeue(row) and requeue(row)
    except Exception:
        logger.exception("A dead letter cannot be requeued", extra={"dead_letter": row})
        sql.unschedule_requeue(row)
        return False
