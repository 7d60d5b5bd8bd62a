"""Which way a run goes on: retry now, compensate, resolve by hand."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from ..engine.run_ready import ring_on_commit
from ..engine.transitions import begin_undo, change, finish, ready, save
from ..errors import WrongState
from ..models import RunStatus, StepStatus
from .acts import UNDO_STATUSES, Actor, act, current_step, put_back_to_waiting

Resolution = Literal["completed", "compensated"]


def retry_now(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Try the step or the undo at which the run stands again, now, with one more attempt in its budget.

    `row_version` is the one the decision was made on; a run that has changed since is refused. Raises WrongState when
    the run has ended or is paused, or a worker has the step in hand.
    """
    with act("retry", run_id, actor, reason, row_version) as pending:
        run, step = pending.run, current_step(pending, "retry", paused=False)
        undo = step.status in UNDO_STATUSES
        step.status = StepStatus.UNDO_WAITING if undo else StepStatus.WAITING
        if step.attempts == 0 and not undo:
            step.status = StepStatus.PENDING
        step.next_attempt_at = None
        step.granted = F("granted") + 1
        save(step)
        change(run, RunStatus.UNDOING if undo else RunStatus.RUNNING, wake_at=Now())
        ring_on_commit(ready(run), run.key)


def compensate(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Have everything that may have happened undone, the step in doubt among it.

    A pivot in doubt is asked for first, by its probe: should it have happened after all, the run goes forward instead,
    and without an answer it comes back to the desk with nothing undone. Raises WrongState when the pivot is done.
    """
    with act("compensate", run_id, actor, reason, row_version) as pending:
        run, step = pending.run, current_step(pending, "compensate", paused=False)
        if run.pivot is not None and run.position > run.pivot and run.status != RunStatus.UNDOING:
            raise WrongState("compensate", "past its point of no return", "Resolve it by hand, or start a return.")
        if step.status in UNDO_STATUSES:
            raise WrongState("compensate", "being undone already", "Retry the undo that failed.")
        turned = begin_undo(
            run, code="compensated_by_hand", reason=f"{run.reason} — undone by hand: {reason}".lstrip(" —")
        )
        if turned is not None:
            ring_on_commit(turned, run.key)


def resolve(run_id: UUID, *, actor: Actor, reason: str, ended: Resolution, row_version: int | None = None) -> None:
    """Close a run that needs a person: an operator has settled it outside, and says whether it counts as completed or
    as undone. Raises WrongState when it needs nobody, or is still tried and in a worker's hands."""
    with act("resolve", run_id, actor, reason, row_version) as pending:
        run = pending.run
        if not run.needs_person:
            hint = "Only a run that needs a person is resolved by hand."
            raise WrongState("resolve", RunStatus(run.status).label, hint)
        if run.status != RunStatus.STUCK:
            put_back_to_waiting(run, current_step(pending, "resolve"))
        run.resolution, run.paused_at = ended, None
        finish(run, RunStatus.RESOLVED)
