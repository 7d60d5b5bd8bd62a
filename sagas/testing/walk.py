"""Carries a run as workers and sweep would, link by link, in this process and without a broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sagas.engine import executor
from sagas.engine.work import Worker
from sagas.models import Run, RunStatus

from .clock import sleeps, time_passes, waits
from .errors import ScenarioError, WorkerLost

ENDED = (RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.STUCK, RunStatus.RESOLVED)
A_MOMENT = timedelta(milliseconds=1)


def walk(run_id: UUID, *, before: Callable[[Run], None] = lambda run: None, most: int = 150) -> Run:
    """Go on until the run has ended, is stuck or is paused; returns it. Waits are passed by `time_passes`.

    `before` is called ahead of each link. Raises ScenarioError when the run has not ended after `most` links.
    """
    for _ in range(most):
        run = Run.objects.get(pk=run_id)
        if run.status in ENDED or run.paused_at is not None:
            return run
        before(run)
        _next_link(run_id)
    raise ScenarioError(
        f"The run is still {run.status} at step {run.position} after {most} links. "
        "If a step fails every time and its retry has no limit, say how often: .fails(times=3)."
    )


def _next_link(run_id: UUID) -> None:
    run = Run.objects.get(pk=run_id)
    if run.status in ENDED:
        return
    before = _stands(run_id)
    _meet(run)
    if (wait := waits(run_id)) > timedelta(0):
        time_passes(wait + A_MOMENT)
    elif _stands(run_id) == before:  # nothing came of it, or the run is held for its participant: the sweep is next
        time_passes(sleeps(run_id) + A_MOMENT)


def _meet(run: Run) -> None:
    """Meet the run with the link of its current step, forwards or backwards; one step, as with one message each."""
    name = run.steps.get(position=run.position).name
    act = executor.undo_step if run.status == RunStatus.UNDOING else executor.run_step
    with suppress(WorkerLost):
        act(executor.TaskRef(run.id, run.name, run.version, name, Worker("test", "test")))


def _stands(run_id: UUID) -> tuple[str, int, int]:
    run = Run.objects.get(pk=run_id)
    return run.status, run.position, run.attempts.count()
