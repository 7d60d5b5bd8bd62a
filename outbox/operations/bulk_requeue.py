"""Many dead letters at once: each is given its turn, and the relays requeue it when that has come.

The turn stands on the dead letter. Nothing is lost when a process dies, and what has not had its turn can be stopped.
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

RATE = 10.0  # a second, where nothing else is said
MOST = 100_000  # at once
BATCH = 200  # turns that one look of a relay takes


class NotPossible(OutboxError):
    """What was asked cannot be done; nothing was done. The message says why."""


def start(dead_letters: Sequence[int], *, actor: Actor, rate: float = RATE) -> int:
    """Have them requeued in this order, `rate` a second, by the relays; returns how many were not ordered already.

    Raises NotPossible for a rate that is none, and for more than 100,000.
    """
    if not 0 < rate <= 1000:
        raise NotPossible("Give a rate above zero, and at most 1000 a second.")
    if len(dead_letters) > MOST:
        raise NotPossible(f"At most {MOST:,} at once; narrow the filter.")
    return sql.schedule_requeue(dead_letters, timedelta(seconds=1 / rate), name_of(actor))


def stop() -> int:
    """Requeue no more of what was ordered; what went back stays. Returns how many were left."""
    return sql.stop_requeue()


def run_due() -> int:
    """Requeue those whose turn has come; returns how many. One that cannot be requeued is logged, and has no turn."""
    return sum(_one(row) for row in sql.due_for_requeue(BATCH))


def _one(row: int) -> bool:
    try:
        with transaction.atomic():
            return sql.lock_for_requeue(row) and requeue(row)
    except Exception:
        logger.exception("A dead letter cannot be requeued", extra={"dead_letter": row})
        sql.unschedule_requeue(row)
        return False
