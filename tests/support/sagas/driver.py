"""Carries a run as the workers would, link by link, in this process and without a broker."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from sagas import Saga
from sagas.branches.waking import wake_parent
from sagas.engine import executor
from sagas.engine.continuation import Continuation, RetryIn
from sagas.engine.work import Ahead, Worker
from sagas.models import Run, RunStatus, Step

OVER = {RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.STUCK, RunStatus.RESOLVED}


def begin(saga: Saga[Any], value: object, key: str = "key-1") -> UUID:
    with transaction.atomic():
        return saga.start(value, key=key, subject="a test")


def link(run: Run, name: str, ahead: Ahead = lambda _step: None) -> executor.TaskRef:
    return executor.TaskRef(run.id, run.name, run.version, name, Worker("test", "task", ahead))


def step_once(run_id: UUID) -> Continuation:
    """Meet the run with the link of its current step, forwards or backwards."""
    run = Run.objects.get(pk=run_id)
    name = run.steps.get(position=run.position).name
    act = executor.undo_step if run.status == RunStatus.UNDOING else executor.run_step
    return act(link(run, name))


def carry_until_asked(run_id: UUID, *, most: int = 60) -> Run:
    """Go on until a person is asked, while the run is still being tried."""
    for _ in range(most):
        if isinstance(step_once(run_id), RetryIn):
            Step.objects.filter(run_id=run_id).update(next_attempt_at=None)
        run = Run.objects.get(pk=run_id)
        if run.asks_since is not None:
            return run
    raise AssertionError(f"{run_id} asks nobody after {most} links: it is {run.status} at {run.position}")


def carry_once(run_id: UUID) -> None:
    """One step of the run; those that it waits for are carried to their ends first."""
    for child in moving_children(Run.objects.get(pk=run_id)):
        carry(child.pk)
        wake_parent(run_id, None)
    if isinstance(step_once(run_id), RetryIn):
        Step.objects.filter(run_id=run_id).update(next_attempt_at=None)


def moving_children(run: Run) -> QuerySet[Run]:
    """Those that the step at which the run waits has started, and that have not ended."""
    waits = run.steps.filter(position=run.position, status__in=["waiting", "undo_waiting"]).values("name")
    moving = Run.objects.filter(parenthood__parent=run, parenthood__step__in=waits, status__in=["running", "undoing"])
    return moving.order_by("pk")


def carry(run_id: UUID, *, most: int = 60) -> Run:
    """Go on until the run has ended or is stuck; waits are over at once."""
    for _ in range(most):
        run = Run.objects.get(pk=run_id)
        if run.status in OVER:
            return run
        carry_once(run_id)
    raise AssertionError(f"{run_id} is still {run.status} at {run.position} after {most} links")
