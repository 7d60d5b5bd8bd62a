"""Runs a saga as workers and the sweep would, task by task, in this process and without a broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet

from sagas.branches.waking import wake_parent
from sagas.engine import executor
from sagas.engine.work import Worker
from sagas.models import OPEN, Run, RunStatus, StepStatus, Wait

from .clock import time_passes, until_claimable, until_sweep
from .errors import ScenarioError, WorkerLost

ENDED = (RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.STUCK, RunStatus.RESOLVED)
MOVING = (RunStatus.RUNNING, RunStatus.UNDOING)
WAITING = (StepStatus.WAITING, StepStatus.UNDO_WAITING)
MOST_RUNS = 200
"""How many runs one may start, and they."""
A_MOMENT = timedelta(milliseconds=1)


def walk(run_id: UUID, *, before: Callable[[Run], None] = lambda run: None, most: int = 150) -> Run:
    """Run the steps until the run has ended, is stuck or paused; returns it. `time_passes` skips each wait.

    Runs that it starts are run one after the other, in the order of their start; should one of them need a person and
    the others have ended, the run waits for that, and is returned. `before` is called before each task, also of those.
    Raises ScenarioError when the run has not ended after `most` tasks.
    """
    for _ in range(most * MOST_RUNS):
        run = Run.objects.get(pk=run_id)
        if run.status in ENDED or run.paused_at is not None or _waits_for_a_person(run):
            return run
        if run.attempts.count() > most:
            break
        _next(run, before)
    raise ScenarioError(
        f"The run is still {run.status} at step {run.position} after {most} links. "
        "If a step fails every time and its retry has no limit, say how often: .fails(times=3)."
    )


def _next(run: Run, before: Callable[[Run], None]) -> None:
    """One task: of the run, or of one that it waits for."""
    child = _children(run).filter(status__in=MOVING, paused_at=None).first() if _waits_for_runs(run) else None
    if child is None or until_claimable(run.pk) == timedelta(0):
        before(run)
        _next_task(run.pk)
        return
    _next(child, before)
    wake_parent(run.pk, None)
    if Run.objects.filter(pk=child.pk).exclude(waits_for="").exists():  # its own time never comes: the parent's does
        time_passes(until_claimable(run.pk) + A_MOMENT)


def _waits_for_a_person(run: Run) -> bool:
    """Whether all that the run waits for is on a person's desk."""
    if not _waits_for_runs(run) or until_claimable(run.pk) == timedelta(0):
        return False
    left = _children(run).filter(status__in=OPEN)
    return left.exists() and all(child.status == RunStatus.STUCK or _waits_for_a_person(child) for child in left)


def _waits_for_runs(run: Run) -> bool:
    return run.steps.filter(position=run.position, status__in=WAITING).exists() and _children(run).exists()


def _children(run: Run) -> QuerySet[Run]:
    """The runs that the current step has started, in the order of their start."""
    at = run.steps.filter(position=run.position).values("name")
    return Run.objects.filter(parenthood__parent=run, parenthood__step__in=at).order_by("pk")


def _next_task(run_id: UUID) -> None:
    run = Run.objects.get(pk=run_id)
    if run.status in ENDED:
        return
    if _is_open_wait(run_id):  # what shall happen meanwhile has happened
        time_passes(until_claimable(run_id) + A_MOMENT)
    before = _position(run_id)
    _run_current(run)
    now = Run.objects.get(pk=run_id)
    if _waits_for_runs(now) and _children(now).filter(status__in=MOVING, paused_at=None).exists():
        return  # it is those that time passes for
    if _is_open_wait(run_id):
        return
    if (wait := until_claimable(run_id)) > timedelta(0):
        time_passes(wait + A_MOMENT)
    elif _position(run_id) == before:  # nothing happened, or the run waits for its participant: the sweep is next
        time_passes(until_sweep(run_id) + A_MOMENT)


def _is_open_wait(run_id: UUID) -> bool:
    """Whether the run waits for a date, a signal or a person, and a test may let something happen meanwhile."""
    return Wait.objects.filter(run_id=run_id, over_at=None).exists()


def _run_current(run: Run) -> None:
    """Run the task of the current step, or of its undo: one step, as with one message per step."""
    name = run.steps.get(position=run.position).name
    act = executor.undo_step if run.status == RunStatus.UNDOING else executor.run_step
    with suppress(WorkerLost):
        act(executor.TaskRef(run.id, run.name, run.version, name, Worker("test", "test")))


def _position(run_id: UUID) -> tuple[str, int, int]:
    run = Run.objects.get(pk=run_id)
    return run.status, run.position, run.attempts.count()
