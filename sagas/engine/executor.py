"""Carries runs through their steps. PostgreSQL says where a run is; a task only says where it expects it.

A task does this: claim the step (one statement, committed), ask the participant with no transaction open, decide what
follows, record it together with the host's own writes and events (one transaction), and let the chain go on. Whatever
else may have happened in between, a crash, a doubled message, another worker, a cancel, `diagnose` finds out.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from outbox.messages import codec, spans, trace

from .. import sql
from ..declare import registry
from ..declare.step import Step
from ..errors import LeaseLost
from ..models import Attempt, Run, RunStatus, StepStatus
from ..participants.breaker import Admission, admit
from ..participants.calls import settled
from ..participants.lookup import is_unconcerned
from ..participants.waiting import hold, put_off
from ..settings import saga_settings
from .backward import try_undo
from .continuation import STOP, Continuation, RetryIn, RunNext, Stop
from .diagnosis import diagnose
from .done import Called
from .forward import ask, settle, try_step
from .transitions import close_attempt, held, park, save
from .work import ClaimedStep, Worker, claimed_by, lease_seconds

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskRef:
    """The step, or the undo, that a task names, and who carries it out."""

    run_id: UUID
    saga: str
    version: int
    step: str
    worker: Worker


def run_step(task: TaskRef) -> Continuation:
    """Carry out the step that a task names, if it is due; returns what the task does next."""
    return _claim_and_proceed(task, undo=False)


def undo_step(task: TaskRef) -> Continuation:
    """Carry out the undo of the step that a task names, if it is due; returns what the task does next."""
    return _claim_and_proceed(task, undo=True)


def claim_here(task: TaskRef, *, undo: bool) -> Continuation:
    """Claim the step, or the undo, that a task has found to be due, which asks no participant: it is to be proceeded
    with. Where it cannot be claimed the answer is what the task does next."""
    step = registry.find(task.saga, task.version).named(task.step)
    work = _claim(task, step, Admission("", go=True), undo=undo)
    return diagnose(task.run_id, task.step, task.version, undo=undo) if work is None else RunNext(work)


def proceed(work: ClaimedStep) -> Continuation:
    """Carry out the step, or the undo, that this worker has claimed.

    Should the lease have passed to another worker meanwhile, the step is that worker's to settle.
    """
    if spans.library is None:
        return _proceed(work)
    with work.span():
        return _proceed(work)


def _proceed(work: ClaimedStep) -> Continuation:
    try:
        return try_undo(work) if work.undo else try_step(work)
    except LeaseLost:
        return _fenced(work)


def call(work: ClaimedStep) -> Called | Stop:
    """Ask the participant of a step, forwards, that this worker has claimed, and write nothing down yet."""
    if spans.library is None:
        return _call(work)
    with work.span():
        return _call(work)


def _call(work: ClaimedStep) -> Called | Stop:
    try:
        return ask(work)
    except LeaseLost:
        return _fenced(work)


def settle_alone(called: Called) -> Continuation:
    """Decide what follows from the answer, and write it down, as `proceed` does."""
    try:
        return settle(called)
    except LeaseLost:
        return _fenced(called.work)


def _fenced(work: ClaimedStep) -> Stop:
    logger.warning("saga.fenced", extra={"run": str(work.run_id), "step": work.step.title})
    return STOP


def _claim_and_proceed(task: TaskRef, *, undo: bool) -> Continuation:
    step = registry.find(task.saga, task.version).named(task.step)
    admission = admit("" if _asks_nobody(task.run_id, step) else step.participant, lease_seconds(step))
    passes_over = admission.away and step.best_effort and not undo
    if not admission.go and not passes_over:
        return _put_aside(task, step, admission, undo=undo)
    work = _claim(task, step, admission, undo=undo)
    if work is None:
        settled(admission, answered=None)
        return diagnose(task.run_id, task.step, task.version, undo=undo)
    if task.worker.claimed is not None:
        task.worker.claimed(work)
    return proceed(work)


def _asks_nobody(run_id: UUID, step: Step[Any, Any]) -> bool:
    """Whether the step asks its participant nothing for this run. Looked up only where it would make a difference."""
    if step.unless is None or is_unconcerned(step.participant):
        return False
    run = Run.objects.only("input").filter(pk=run_id).first()
    try:
        return run is not None and bool(step.unless(codec.decode(step.saga.input_type, codec.encode(run.input))))
    except ValueError:  # whoever claims the step finds out, and parks the run
        return False


def _put_aside(task: TaskRef, step: Step[Any, Any], admission: Admission, *, undo: bool) -> Continuation:
    """The participant is away, or takes no more calls now: the run waits for it, and no attempt is spent."""
    if admission.away:
        if hold(task.run_id, step.position, undo, admission.name):
            return STOP
    elif put_off(task.run_id, step.position, undo, admission.wait):
        short = admission.wait <= saga_settings.SHORT_WAIT.total_seconds()
        return RetryIn(admission.wait, admission.why) if short else STOP
    return diagnose(task.run_id, task.step, task.version, undo=undo)


def _claim(task: TaskRef, step: Step[Any, Any], admission: Admission, *, undo: bool) -> ClaimedStep | None:
    claim = sql.claim({"run": task.run_id, **claimed_by(task.worker, step, trace.current())}, undo=undo)
    if claim is None:
        return None
    if claim.shares:
        task.worker.met_shared()
    try:
        value = codec.decode(step.saga.input_type, claim.input)
    except ValueError as error:
        park_unreadable(task.run_id, step, claim, error)
        return None
    return ClaimedStep(task.run_id, step.saga, step, claim, value, task.worker, admission, undo)


def park_unreadable(run_id: UUID, declared: Step[Any, Any], claim: sql.Claim, error: ValueError) -> None:
    """An input that this code cannot read is a person's matter: no number of attempts mends it."""
    with transaction.atomic():
        run, step = held(run_id, declared.position, claim.token)
        close_attempt(step, Attempt.Outcome.OURS, error)
        step.forgiven += 1  # nobody was asked
        step.status = StepStatus.UNDO_FAILED if run.status == RunStatus.UNDOING else StepStatus.WAITING
        save(step)
        park(run, code="unreadable", reason=f"{declared.name}: the run's input does not fit this code: {error}")
