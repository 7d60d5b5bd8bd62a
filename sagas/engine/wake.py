"""Waking a run: what it waits for has happened, so that it need not sleep on until its time."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from ..declare.saga import Saga
from ..models import OPEN, Run, RunStatus, Step, StepStatus
from ..settings import saga_settings
from .diagnosis import clock
from .run_ready import ring_on_commit
from .transitions import leased, locked, ready

WAITING = (StepStatus.WAITING, StepStatus.UNDO_WAITING)
MOVING = (RunStatus.RUNNING, RunStatus.UNDOING)


def wake(saga: Saga[Any], key: str, step: str) -> bool:
    """See `Saga.wake`. The run is locked, so that a step about to be put down is either seen in hand, or waiting."""
    with transaction.atomic():
        found = Run.objects.filter(name=saga.name, key=key, status__in=OPEN).values_list("pk", flat=True).first()
        run = None if found is None else locked(found)
        if run is None or run.status not in MOVING or run.paused_at is not None or run.waits_for:
            return False
        at = run.steps.filter(position=run.position).first()
        if at is None or (step and at.name != step):
            return False
        if leased(at, clock()):
            at.woken = True
            at.save(update_fields=["woken"])
            return True
        return at.status in WAITING and _bring_back(run, at)


def _bring_back(run: Run, step: Step) -> bool:
    step.next_attempt_at = Now()
    step.save(update_fields=["next_attempt_at"])
    run.wake_at = Now() + saga_settings.PATIENCE
    run.save(update_fields=["wake_at"])
    ring_on_commit(ready(run), run.key)
    return True
