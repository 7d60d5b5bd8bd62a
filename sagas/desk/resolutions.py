"""Retry now, compensate, resolve by hand: the acts that decide how a run continues."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from ..engine.kept_waits import close
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import begin_undo, change, finish, ready, save
from ..errors import WrongState
from ..models import RunStatus, StepStatus
from .acts import UNDO_STATUSES, Actor, act, current_step, put_back_to_waiting
from .started_runs import refuse_open_children

Resolution = Literal["completed", "compensated"]


def retry_now(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Retry the current step, or its undo, now, with one more attempt in its budget.

    `row_version` is the version of the run that the operator decided on. Raises WrongState when the run has changed
    since, has ended or is paused, or a worker has claimed the step.
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
        ring_on_commit(ready(run), run)


def compensate(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Undo every step that may have taken effect, a step in doubt included.

    If the pivot is in doubt, its probe asks first: when the pivot took effect, the run goes forward instead; without an
    answer, the run is stuck again with nothing undone. Raises WrongState when the pivot is done.
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
            ring_on_commit(turned, run)


def resolve(run_id: UUID, *, actor: Actor, reason: str, ended: Resolution, row_version: int | None = None) -> None:
    """Close a run that needs an operator, who has settled it elsewhere; `ended` says whether it counts as completed or
    undone. Raises WrongState when the run needs no operator, or a worker has claimed its step."""
    with act("resolve", run_id, actor, reason, row_version) as pending:
        run = pending.run
        if not run.needs_person:
            hint = "Only a run that needs a person is resolved by hand."
            raise WrongState("resolve", RunStatus(run.status).label, hint)
        refuse_open_children(run, "resolve")
        if run.status != RunStatus.STUCK:
            put_back_to_waiting(run, current_step(pending, "resolve"))
        close(run.pk)
        run.resolution, run.paused_at = ended, None
        finish(run, RunStatus.RESOLVED)
