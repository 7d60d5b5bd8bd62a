"""A run that another one has started has ended: take the parent's step further, in the same task where it can go on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from outbox.messages import codec, trace

from ..declare import registry
from ..declare.step import Step as DeclaredStep
from ..engine.continuation import STOP, Continuation
from ..engine.diagnosis import clock
from ..engine.executor import TaskRef, claim_here
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import leased, ready
from ..engine.work import Worker
from ..models import Child, Run, RunStatus, Step, StepStatus
from ..settings import saga_settings
from .progress import NotYet, Verdict, backward, onward

WAITING = (StepStatus.WAITING, StepStatus.UNDO_WAITING)
MOVING = (RunStatus.RUNNING, RunStatus.UNDOING)


def wake_parent(run_id: UUID, worker: Worker | None) -> Continuation:
    """Start what the end of a run allows; should the parent's step be over by it, claim that for `worker`.

    Without a worker the step goes out as a message. A message that comes twice, or late, finds nothing to do.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=run_id).first()
        step = None if run is None else run.steps.filter(position=run.position).first()
        if run is None or step is None or not _is_due(run, step):
            return STOP
        if worker is None:
            ring_on_commit(ready(run), run)
            return STOP
    task = TaskRef(run_id, run.name, run.version, step.name, worker)
    with trace.use(trace.start(run.request_id, run.traceparent).child()):
        return claim_here(task, undo=run.status == RunStatus.UNDOING)


def parent_of_ended(run_id: UUID) -> UUID | None:
    """The run that has started this one, should this one have ended."""
    ended = Child.objects.filter(run=run_id, run__finished_at__isnull=False)
    return ended.values_list("parent", flat=True).first()


def _is_due(run: Run, step: Step) -> bool:
    """Whether the parent's step can be claimed now; before that, its runs are taken further."""
    if run.status not in MOVING:
        return False
    declared = registry.find(run.name, run.version).named(step.name)
    if declared.spread is None:
        return False
    if leased(step, clock()):  # its attempt may have looked already: then it looks once more, soon
        step.woken = True
        step.save(update_fields=["woken"])
        return False
    if step.status not in WAITING:
        return False
    verdict = None if run.paused_at is not None else _further(run, declared)
    if isinstance(verdict, NotYet):
        _say(run, step, verdict.why)
        return False
    step.next_attempt_at = Now()
    step.save(update_fields=["next_attempt_at"])
    if verdict is None:  # it is paused, and due as soon as it is resumed
        return False
    run.wake_at = Now() + saga_settings.PATIENCE
    run.save(update_fields=["wake_at"])
    return True


def _further(run: Run, declared: DeclaredStep[Any, Any]) -> Verdict:
    if run.status == RunStatus.UNDOING:
        return backward(run, declared)
    input: Any = codec.decode(declared.saga.input_type, codec.encode(run.input))
    return onward(run, declared, input)


def _say(run: Run, step: Step, why: str) -> None:
    """What the page says of the wait follows the runs that are waited for."""
    if step.error_text == why:
        return
    step.error_text = why
    step.save(update_fields=["error_text"])
    if run.status == RunStatus.RUNNING and run.cancel_requested_at is None:
        run.reason = why
        run.save(update_fields=["reason"])
