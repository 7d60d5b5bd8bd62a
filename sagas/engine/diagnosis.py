"""Called when a task cannot claim its step: locks the run, finds the reason, and says what the task does next."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from ..models import Run, RunStatus, Step, StepStatus
from .continuation import CONTINUE, STOP, Continuation, RetryIn, SwitchChain
from .transitions import begin_undo, leased, locked, passed_pivot

logger = logging.getLogger(__name__)
S = StepStatus
CLAIMABLE = {S.PENDING, S.WAITING, S.RUNNING, S.UNDO_DUE, S.UNDO_WAITING, S.UNDOING}


def diagnose(run_id: UUID, name: str, version: int, *, undo: bool) -> Continuation:
    """Why the step could not be claimed; begins the undo if a cancel or the deadline came before the pivot."""
    with transaction.atomic():
        try:
            run = locked(run_id)
        except Run.DoesNotExist:  # a message of another database, or of a run that was pruned
            logger.warning("saga.unknown_run", extra={"run": str(run_id), "step": name})
            return STOP
        expected = run.status == (RunStatus.UNDOING if undo else RunStatus.RUNNING) and run.paused_at is None
        if not expected or run.version != version:  # or moved by an operator, who had the other version's chain sent
            return STOP
        step = run.steps.get(name=name)
        now = clock()
        if step.position != run.position:
            behind = step.position > run.position if undo else step.position < run.position
            return CONTINUE if behind else STOP  # behind: settled already; ahead: its turn comes with another chain
        if leased(step, now):
            return STOP  # another worker has it; should that one be dead, the sweep rings when its lease ends
        if not undo and (cause := must_stop(run, step, now)):
            turned = begin_undo(run, code=cause[0], reason=cause[1])
            return STOP if turned is None else SwitchChain(turned)
        if run.queued_at is not None:
            return STOP  # it waits for the turn of its share, and gets a message then
        if step.status not in CLAIMABLE:
            logger.error("saga.not_claimable", extra={"run": str(run_id), "step": name, "status": step.status})
            return STOP
        waits = 0.0 if step.next_attempt_at is None else (step.next_attempt_at - now).total_seconds()
        return RetryIn(max(waits, 0.05), "not due yet")


def clock() -> datetime:
    """The database's time. All due times are compared with it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    now: datetime = row[0]
    return now


def must_stop(run: Run, step: Step, now: datetime) -> tuple[str, str] | None:
    """The code and the reason to begin the undo; None if the run may go on. A pause suspends the deadline."""
    if passed_pivot(run, step):
        return None
    if run.cancel_requested_at is not None:
        return run.code or "cancelled", run.reason or "Cancelled."
    if run.deadline_at is not None and run.paused_at is None and run.deadline_at <= now:
        return "deadline", f"Not past the point of no return by its deadline, {run.deadline_at:%Y-%m-%d %H:%M:%S} UTC."
    return None
