"""Carries a run as the workers would, link by link, in this process and without a broker."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from sagas import Saga, engine
from sagas.models import Run, RunStatus, Step
from sagas.taken import Ahead, Worker
from sagas.verdict import Verdict, Wait

OVER = {RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.STUCK, RunStatus.RESOLVED}


def begin(saga: Saga[Any], value: object, key: str = "key-1") -> UUID:
    with transaction.atomic():
        return saga.start(value, key=key, subject="a test")


def link(run: Run, name: str, ahead: Ahead = lambda _step: None) -> engine.Link:
    return engine.Link(run.id, run.name, run.version, name, Worker("test", "task", ahead))


def step_once(run_id: UUID) -> Verdict:
    """Meet the run with the link of its current step, forwards or backwards."""
    run = Run.objects.get(pk=run_id)
    name = run.steps.get(position=run.position).name
    act = engine.undo_step if run.status == RunStatus.UNDOING else engine.run_step
    return act(link(run, name))


def carry(run_id: UUID, *, most: int = 60) -> Run:
    """Go on until the run has ended or is stuck; waits are over at once."""
    for _ in range(most):
        run = Run.objects.get(pk=run_id)
        if run.status in OVER:
            return run
        verdict = step_once(run_id)
        if isinstance(verdict, Wait):
            Step.objects.filter(run_id=run_id).update(next_attempt_at=None)
    raise AssertionError(f"{run_id} is still {run.status} at {run.position} after {most} links")
