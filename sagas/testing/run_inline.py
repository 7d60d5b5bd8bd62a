"""Runs a saga as workers and the sweep would, task by task, in this process and without a broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sagas.engine import executor
from sagas.engine.work import Worker
from sagas.models import Run, RunStatus

from .clock import time_passes, until_claimable, until_sweep
from .errors import ScenarioError, WorkerLost

ENDED = (RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.STUCK, RunStatus.RESOLVED)
A_MOMENT = timedelta(milliseconds=1)


def walk(run_id: UUID, *, before: Callable[[Run], None] = lambda run: None, most: int = 150) -> Run:
    """Run the steps until the run has ended, is stuck or paused; returns it. `time_passes` skips each wait.

    `before` is called before each task, and before the wait that precedes it. Raises ScenarioError when the run has not
    ended after `most` tasks.
    """
    for _ in range(most):
        run = Run.objects.get(pk=run_id)
        if run.status in ENDED or run.paused_at is not None:
            return run
        before(run)
        _next_task(run_id)
    raise ScenarioError(
        f"The run is still {run.status} at step {run.position} after {most} links. "
        "If a step fails every time and its retry has no limit, say how often: .fails(times=3)."
    )


def _next_task(run_id: UUID) -> None:
    run = Run.objects.get(pk=run_id)
    if run.status in ENDED:
        return
    if (wait := until_claimable(run_id)) > timedelta(0):
        time_passes(wait + A_MOMENT)
    before = _position(run_id)
    _run_current(run)
    if until_claimable(run_id) == timedelta(0) and _position(run_id) == before:
        # nothing happened, or the run waits for its participant: the sweep is next
        time_passes(until_sweep(run_id) + A_MOMENT)


def _run_current(run: Run) -> None:
    """Run the task of the current step, or of its undo: one step, as with one message per step."""
    name = run.steps.get(position=run.position).name
    act = executor.undo_step if run.status == RunStatus.UNDOING else executor.run_step
    with suppress(WorkerLost):
        act(executor.TaskRef(run.id, run.name, run.version, name, Worker("test", "test")))


def _position(run_id: UUID) -> tuple[str, int, int]:
    run = Run.objects.get(pk=run_id)
    return run.status, run.position, run.attempts.count()
