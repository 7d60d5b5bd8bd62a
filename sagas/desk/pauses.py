"""Pause and resume a run. Workers claim no step of a paused run."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from ..engine.diagnosis import clock
from ..engine.kept_waits import prolong
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import change, ready
from ..errors import WrongState
from ..models import OPEN, RunStatus
from .acts import Actor, act, save_field
from .started_runs import pause_branches, resume_branches


def pause(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Let no worker claim a step of the run, or an undo, until it is resumed.

    A step that runs now is finished first. The deadline stops counting. Its branches are paused with it; other runs
    that it has started go on. Raises WrongState when the run has ended, is
    stuck, or is paused already.
    """
    with act("pause", run_id, actor, reason, row_version) as pending:
        run = pending.run
        if run.paused_at is not None:
            raise WrongState("pause", f"paused already, since {run.paused_at:%Y-%m-%d %H:%M:%S} UTC")
        if run.status == RunStatus.STUCK:
            raise WrongState("pause", "stuck", "Nobody takes a step of it as it is.")
        if run.status not in OPEN:
            raise WrongState("pause", RunStatus(run.status).label)
        run.paused_at = clock()
        save_field(run, "paused_at")
        pause_branches(run)


def resume(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Let workers claim the run's steps again. The deadline, and that of an answer that is waited for, move by the
    length of the pause.

    A run that got stuck meanwhile, by the step that was running, stays stuck. Raises WrongState when it is not paused.
    """
    with act("resume", run_id, actor, reason, row_version) as pending:
        run = pending.run
        if run.paused_at is None or run.status not in OPEN:
            raise WrongState("resume", RunStatus(run.status).label, "Only a paused run is resumed.")
        paused = clock() - run.paused_at
        if run.deadline_at is not None:
            run.deadline_at += paused
        prolong(run, paused)
        paused_at, run.paused_at = run.paused_at, None
        resume_branches(run, paused_at)
        if run.status == RunStatus.STUCK:
            change(run, RunStatus.STUCK, wake_at=None)
            return
        change(run, RunStatus(run.status), wake_at=Now())
        ring_on_commit(ready(run), run)
