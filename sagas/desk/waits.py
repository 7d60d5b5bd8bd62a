"""Move, or end, what a run waits for: a date, or the limit of a signal or of a person's answer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ..declare import registry
from ..declare.waits import NOTHING, TIMER
from ..engine import kept_waits
from ..engine.commands import bring_forward
from ..engine.diagnosis import clock
from ..engine.transitions import passed_pivot
from ..errors import WrongState
from ..models import Run, RunStatus, Step, Wait
from .acts import UNDO_STATUSES, Actor, DoesNotFit, PendingAct, act, current_step, save_field
from .handling import moment_of, said

NOT_WAITING = "not waiting for a date, a signal or a person"


def postpone(
    run_id: UUID, *, actor: Actor, reason: str, due: datetime | str | None, row_version: int | None = None
) -> None:
    """Move the date that the run waits for, or until which it waits for an answer, to `due`: later, or sooner.

    A text is a time as in ISO 8601, in the site's time zone when it names none. Raises DoesNotFit for a time that is
    past, or behind the run's deadline; WrongState when the run waits for none of these, or a worker has its step.
    """
    with act("postpone", run_id, actor, reason, row_version) as pending:
        step, wait = _waiting(pending, "move what it waits for")
        moment, run = moment_of(due), pending.run
        if moment is None or moment <= clock():
            raise DoesNotFit("Give a time that is still to come; to have it over now, end the wait.")
        if run.deadline_at is not None and not passed_pivot(run, step) and moment >= run.deadline_at:
            raise DoesNotFit(f"The run is undone at its own deadline, {said(run.deadline_at)}: give a time before it.")
        _move(pending, step, wait, moment)


def end_wait(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Have the wait over now: a date counts as come, and for an answer follows what follows when none comes in time.

    Raises DoesNotFit where the declaration says nothing of that; WrongState as `postpone` does.
    """
    with act("end_wait", run_id, actor, reason, row_version) as pending:
        step, wait = _waiting(pending, "end its wait")
        declared = registry.find(pending.run.name, pending.run.version).named(step.name).wait
        if declared is not None and declared.kind != TIMER and declared.else_ is NOTHING:
            raise DoesNotFit(f"{step.name} does not say what follows without an answer: skip it with a result.")
        _move(pending, step, wait, clock())


def waits_now(run: Run) -> Wait | None:
    """The open wait of the run's current step; None for a run that waits for none, or is being undone."""
    step = run.steps.filter(position=run.position).first()
    if step is None or step.status in UNDO_STATUSES:
        return None
    return kept_waits.open_wait(run.pk, step.name)


def _waiting(pending: PendingAct, says: str) -> tuple[Step, Wait]:
    step, wait = current_step(pending, says), waits_now(pending.run)
    if wait is None or pending.run.status == RunStatus.UNDOING:
        raise WrongState(says, NOT_WAITING)
    return step, wait


def _move(pending: PendingAct, step: Step, wait: Wait, moment: datetime) -> None:
    """Write the new date, and have the step look again: it waits anew until then."""
    pending.before["due_at"], pending.after["due_at"] = said(wait.due_at), said(moment)
    Wait.objects.filter(pk=wait.pk).update(due_at=moment)
    save_field(pending.run, "wake_at")
    bring_forward(pending.run, step)
