"""Runs that wait for their participant: held without spending an attempt, and released at a limited rate."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from .. import sql
from ..models import Breaker
from ..sql import participants
from .configured import declared
from .lookup import policy_of

logger = logging.getLogger(__name__)

WOKEN_BY_SWEEP = timedelta(seconds=2)
"""How long after a short wait the sweep leaves the next attempt to Celery's own retry."""
TRIAL_EVERY = 1.0
"""Seconds between two runs that are released as a trial: the first may have been cancelled, or its message lost."""


def hold(run_id: UUID, position: int, undo: bool, name: str) -> bool:
    """Make the run wait for the participant; spends no attempt. Returns whether it waits.

    Until then only its deadline wakes it, and that only while it can still be undone. False: the run has moved on, is
    paused, is claimed by a worker, or is to be undone instead (cancelled, or past its deadline): diagnose it.
    """
    return bool(sql.execute(participants.HOLD_RUN, {"run": run_id, "position": position, "undo": undo, "name": name}))


def put_off(run_id: UUID, position: int, undo: bool, seconds: float) -> bool:
    """Make the step wait for `seconds`; spends no attempt. Returns whether it waits, as `hold` does.

    Celery's own retry starts it again; if that is lost, the sweep does a little later.
    """
    slack = WOKEN_BY_SWEEP.total_seconds()
    given = {"run": run_id, "position": position, "undo": undo, "seconds": seconds, "slack": slack}
    return bool(sql.execute(participants.PUT_OFF, given))


def release() -> list[UUID]:
    """Release runs whose participant answers again, the oldest first. The sweep calls it before it starts what is due.

    While the participant is held, one run goes as a trial once the hold is over. Of several sweeps at once only one
    releases the runs of a participant. Returns the runs; they are due now. One statement when nothing waits.
    """
    released = [run_id for (name,) in sql.fetch(participants.WAITED_FOR, {}) for run_id in _release(name)]
    if released:
        logger.info("saga.released", extra={"runs": len(released)})
    return released


def make_known() -> None:
    """Make a row for each participant that is declared, so that operators can hold one that never failed."""
    sql.execute(participants.MAKE, {"names": declared()})


def _release(name: str) -> list[UUID]:
    with transaction.atomic():
        sql.execute(participants.MAKE, {"names": [name]})
        rows = sql.fetch(participants.LOCK_FOR_RELEASE, {"name": name})
        if not rows:  # another sweep has it
            return []
        state, openings, trial_due, since = rows[0]
        if state == Breaker.State.CLOSED:
            return _return(name, since)
        if trial_due and (since is None or since >= TRIAL_EVERY):
            return _try(name, openings)
    return []


def _return(name: str, since: float | None) -> list[UUID]:
    policy = policy_of(name)
    number, left = policy.released(since)
    if number == 0:
        return []
    rows = sql.fetch(participants.RELEASE_OLDEST, {"name": name, "number": number})
    sql.execute(participants.RELEASED, {"name": name, "left": left})
    return [run_id for (run_id,) in rows]


def _try(name: str, openings: int) -> list[UUID]:
    """One run for the trial, the oldest or the newest in turn: one whose call always fails must not block all."""
    statement = participants.RELEASE_OLDEST if openings % 2 else participants.RELEASE_NEWEST
    rows = sql.fetch(statement, {"name": name, "number": 1})
    sql.execute(participants.RELEASED, {"name": name, "left": 0.0})
    return [run_id for (run_id,) in rows]
