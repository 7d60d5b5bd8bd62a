"""Carries runs through their steps. PostgreSQL says where a run is; a link of a chain only says where it expects it to be.

A link does this: take the step (one statement, committed), call the participant with no transaction open, record what came
of it together with the host's own writes and events (one transaction), and let the chain go on. Whatever else may have
happened in between, a crash, a doubled message, another worker, a cancel, is found out by `_look`.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import connection, transaction

from outbox import NotInTransaction, codec, trace
from outbox.ids import uuid7

from . import registry, sql
from .context import NotApplied, StatusChange, StepContext, UndoContext
from .declaration import Saga, Step
from .dispatch import RunReady, lease_seconds, ring_on_commit
from .errors import Refused, RetryAfter, SagaError
from .look import look
from .models import Attempt, Run, RunStatus, StepStatus
from .settings import saga_settings
from .transitions import Fenced, begin_undo, close_attempt, held, park, postpone, ready
from .verdict import GO_ON, STOP, Turn, Verdict, Wait

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a chain, as a worker meets it."""

    run_id: UUID
    saga: str
    version: int
    step: str
    worker: str = ""
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step, or its undo, that this worker holds."""

    run_id: UUID
    saga: Saga[Any]
    step: Step[Any, Any]
    claim: sql.Claim
    input: Any

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters by which the recording statements find the step, and the token that fences them."""
        return {"run": self.run_id, "position": self.step.position, "token": self.claim.token}


def start(saga: Saga[T], input: T, *, key: str, subject: str) -> UUID:
    """Accept a run in the caller's transaction: run, steps, and the outbox row that brings its chain. See `Saga.start`."""
    if not connection.in_atomic_block:
        raise NotInTransaction(f"Start {saga.name} inside transaction.atomic(), with the change that it belongs to.")
    current = trace.current()
    run_id = uuid7()
    pivot = saga.pivot_step
    values = {
        "id": run_id,
        "name": saga.name,
        "version": saga.version,
        "key": key,
        "subject": subject,
        "input": codec.encode(input),
        "pivot": pivot.position if pivot else None,
        "deadline": saga.deadline.total_seconds() if saga.deadline else None,
        "patience": saga_settings.PATIENCE.total_seconds(),
        "request_id": current.request_id,
        "traceparent": current.traceparent,
        "names": [step.name for step in saga.steps],
    }
    if sql.execute(sql.START_RUN, values) == 0:
        return Run.objects.values_list("id", flat=True).get(name=saga.name, key=key)
    sql.execute(sql.START_STEPS, values)
    ring_on_commit(RunReady(run_id, saga.name, saga.version, undo=False, position=0), key)
    return run_id


def run_step(link: Link) -> Verdict:
    """Carry out the step that a link names, if it is due; returns what the chain does next."""
    taken = _take(sql.CLAIM_STEP, link)
    if taken is None:
        return look(link.run_id, link.step, undo=False)
    if _over_budget(taken, taken.step.retry.attempts):
        return _settle(taken, lambda: _give_up(taken, LostAttempts(taken.claim.number - 1)))
    return _settle(taken, lambda: _try_step(taken))


def undo_step(link: Link) -> Verdict:
    """Carry out the undo of the step that a link names, if it is due; returns what the chain does next."""
    taken = _take(sql.CLAIM_UNDO, link)
    if taken is None:
        return look(link.run_id, link.step, undo=True)
    if _over_budget(taken, taken.step.undo_retry.attempts):
        return _settle(taken, lambda: _undo_failed(taken, LostAttempts(taken.claim.number - 1)))
    return _settle(taken, lambda: _try_undo(taken))


class LostAttempts(SagaError):
    """Every attempt that the budget allows ended with its worker: killed, or longer than its lease."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"{attempts} attempts were made; the last ended with its worker, and nobody knows how.")


def _take(statement: str, link: Link) -> Taken | None:
    saga = registry.find(link.saga, link.version)
    step = saga.named(link.step)
    claim = sql.claim(
        statement,
        uuid4(),
        {
            "run": link.run_id,
            "position": step.position,
            "lease": lease_seconds(step),
            "worker": link.worker,
            "task": link.task_id,
            "traceparent": trace.current().traceparent,
        },
    )
    if claim is None:
        return None
    return Taken(link.run_id, saga, step, claim, codec.decode(saga.input_type, claim.input))


def _over_budget(taken: Taken, attempts: int | None) -> bool:
    return attempts is not None and taken.claim.counted > attempts


def _settle(taken: Taken, act: Callable[[], Verdict]) -> Verdict:
    """Do it, unless the lease has passed to another worker in the meantime: then the step is that worker's to settle."""
    try:
        return act()
    except Fenced:
        logger.warning("saga.fenced", extra={"run": str(taken.run_id), "step": taken.step.title})
        return STOP


# --- Forward -------------------------------------------------------------------------------------------------------


def _try_step(taken: Taken) -> Verdict:
    step, context = taken.step, _step_context(taken)
    try:
        if step.local:
            with transaction.atomic():
                held(taken.run_id, step.position, taken.claim.token)
                return _record_done(taken, context, step.run(context))
        return _record_done(taken, context, step.run(context))
    except Fenced:
        raise
    except Refused as refusal:
        return _refused(taken, context, refusal)
    except RetryAfter as later:
        return _wait(taken, StepStatus.WAITING, Attempt.Outcome.AWAY, later, later.delay)
    except Exception as error:  # whatever it was: the participant may have been asked
        logger.warning("saga.attempt_failed", exc_info=True, extra=_facts(taken))
        delay = step.retry.delay_after(taken.claim.counted, roll=random.random())
        if delay is None:
            return _give_up(taken, error)
        return _wait(taken, StepStatus.WAITING, Attempt.Outcome.IN_DOUBT, error, delay)


def _record_done(taken: Taken, context: StepContext[Any], result: Any) -> Verdict:
    """Record the result, the run's next state, the host's writes and its events: one transaction."""
    saga, step = taken.saga, taken.step
    last = step.position == len(saga.steps) - 1
    status = RunStatus.COMPLETED if last else RunStatus.RUNNING
    encoded = codec.encode(result)
    with transaction.atomic():
        written = sql.execute(
            sql.RECORD_STEP,
            {
                **taken.identity,
                "result": encoded,
                "last": last,
                "status": status.value,
                "patience": saga_settings.PATIENCE.total_seconds(),
            },
        )
        if not written:
            raise Fenced(f"{taken.run_id}: the lease on {step.name} has passed to another worker.")
        if step.recorded_run is not None:
            step.recorded_run(context, result)
        if last and saga.status_hook is not None:
            running = RunStatus.RUNNING.value
            saga.status_hook(StatusChange(taken.run_id, taken.input, running, status.value, "", "", "", ""))
    logger.info("saga.step_done", extra=_facts(taken))
    return GO_ON


def _refused(taken: Taken, context: StepContext[Any], refusal: Refused) -> Verdict:
    """The business said no: before the pivot, or at it, the run turns around; after it only a person can go on."""
    step, pivot = taken.step, taken.saga.pivot_step
    if step.is_pivot and taken.claim.counted > 1:
        return _refused_in_doubt(taken, context, refusal)
    after_pivot = pivot is not None and step.position > pivot.position
    return _turn(taken, StepStatus.REFUSED, Attempt.Outcome.REFUSED, refusal, stuck=after_pivot)


def _refused_in_doubt(taken: Taken, context: StepContext[Any], refusal: Refused) -> Verdict:
    """The pivot is refused after an attempt whose answer was lost. That one may have been applied: ask, never guess."""
    answer = _ask(taken, context)
    if answer is None:
        return _turn(taken, StepStatus.IN_DOUBT, Attempt.Outcome.REFUSED, refusal, stuck=True)
    if isinstance(answer[0], NotApplied):
        return _turn(taken, StepStatus.REFUSED, Attempt.Outcome.REFUSED, refusal, stuck=False)
    return _record_done(taken, context, answer[0])


def _give_up(taken: Taken, error: Exception) -> Verdict:
    """The budget is spent and the outcome unknown: ask the probe; else undo before the pivot, and a person from it on."""
    context = _step_context(taken)
    answer = _ask(taken, context)
    if answer is not None and not isinstance(answer[0], NotApplied):
        return _record_done(taken, context, answer[0])
    pivot = taken.saga.pivot_step
    stuck = pivot is not None and taken.step.position >= pivot.position
    return _turn(taken, StepStatus.IN_DOUBT, Attempt.Outcome.IN_DOUBT, error, stuck=stuck)


def _ask(taken: Taken, context: StepContext[Any]) -> tuple[Any] | None:
    """The probe's answer in a tuple; None when there is no probe, or it had no answer either."""
    if taken.step.probe_run is None:
        return None
    try:
        return (taken.step.probe_run(context),)
    except Exception:  # a probe changes nothing, so that its failure only leaves the doubt
        logger.warning("saga.probe_failed", exc_info=True, extra=_facts(taken))
        return None


def _turn(
    taken: Taken, status: StepStatus, outcome: Attempt.Outcome, error: Exception, *, stuck: bool
) -> Verdict:
    """Write how the step ended for good, and park the run or turn it around."""
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        close_attempt(step, outcome, error)
        step.status = status
        step.save()
        code = step.error_code or status.value
        reason = f"{taken.step.name}: {error}"
        if stuck:
            park(run, code=code, reason=reason)
            return STOP
        turned = begin_undo(run, code=code, reason=reason)
    logger.info("saga.turned", extra={**_facts(taken), "code": code})
    return STOP if turned is None else Turn(turned)


# --- Undo ----------------------------------------------------------------------------------------------------------


def _try_undo(taken: Taken) -> Verdict:
    step, context = taken.step, _undo_context(taken)
    assert step.undo_run is not None, "the chain holds only steps with an undo"  # noqa: S101
    try:
        if step.local:
            with transaction.atomic():
                held(taken.run_id, step.position, taken.claim.token)
                step.undo_run(context)
                return _record_undone(taken, context)
        step.undo_run(context)
        return _record_undone(taken, context)
    except Fenced:
        raise
    except Refused as refusal:
        return _undo_failed(taken, refusal)
    except RetryAfter as later:
        return _wait(taken, StepStatus.UNDO_WAITING, Attempt.Outcome.AWAY, later, later.delay)
    except Exception as error:
        logger.warning("saga.undo_failed", exc_info=True, extra=_facts(taken))
        delay = step.undo_retry.delay_after(taken.claim.counted, roll=random.random())
        if delay is None:
            return _undo_failed(taken, error)
        return _wait(taken, StepStatus.UNDO_WAITING, Attempt.Outcome.IN_DOUBT, error, delay)


def _record_undone(taken: Taken, context: UndoContext[Any, Any]) -> Verdict:
    with transaction.atomic():
        rows = sql.fetch(sql.RECORD_UNDO, {**taken.identity, "patience": saga_settings.PATIENCE.total_seconds()})
        if not rows:
            raise Fenced(f"{taken.run_id}: the lease on undoing {taken.step.name} has passed to another worker.")
        status, code, reason = rows[0]
        if taken.step.undone_run is not None:
            taken.step.undone_run(context)
        if status == RunStatus.COMPENSATED and taken.saga.status_hook is not None:
            undoing = RunStatus.UNDOING.value
            taken.saga.status_hook(StatusChange(taken.run_id, taken.input, undoing, status, "", code, reason, ""))
    logger.info("saga.step_undone", extra=_facts(taken))
    return GO_ON


def _undo_failed(taken: Taken, error: Exception) -> Verdict:
    """An undo that cannot be done leaves the run on a person's desk; the undos behind it wait."""
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        refused = isinstance(error, Refused)
        close_attempt(step, Attempt.Outcome.REFUSED if refused else Attempt.Outcome.IN_DOUBT, error)
        step.status = StepStatus.UNDO_FAILED
        step.save()
        why = f"{run.reason} — and then undoing {step.name} failed: {error}"
        park(run, code=step.error_code or "undo_failed", reason=why)
    return STOP


# --- Both ----------------------------------------------------------------------------------------------------------


def _wait(
    taken: Taken, status: StepStatus, outcome: Attempt.Outcome, error: Exception, delay: Any
) -> Verdict:
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        close_attempt(step, outcome, error)
        if outcome is Attempt.Outcome.AWAY:
            step.forgiven += 1
        postpone(run, step, status, delay)
    return Wait(delay.total_seconds(), str(error)) if delay <= saga_settings.SHORT_WAIT else STOP


def _step_context(taken: Taken) -> StepContext[Any]:
    step, claim = taken.step, taken.claim
    return StepContext(
        taken.input, taken.run_id, step_key(taken.run_id, step), claim.number, step.timeout, _earlier(taken.run_id)
    )


def _undo_context(taken: Taken) -> UndoContext[Any, Any]:
    step, claim = taken.step, taken.claim
    key = step_key(taken.run_id, step)
    result = None if claim.result is None else codec.decode(step.result_type, claim.result)
    return UndoContext(
        taken.input, taken.run_id, f"{key}.undo", key, result, claim.number, step.timeout, _earlier(taken.run_id)
    )


def step_key(run_id: UUID, step: Step[Any, Any]) -> str:
    """The idempotency key of a step of a run: the same for every attempt."""
    return f"{run_id}.{step.name}"


def _earlier(run_id: UUID) -> Callable[[str, Any], Any]:
    """Reads another step's result when it is asked for, so that runs that need none pay nothing."""

    def result_of(name: str, type_: Any) -> Any:
        query = "SELECT result::text FROM saga_step WHERE run_id = %(run)s AND name = %(name)s AND result IS NOT NULL"
        rows = sql.fetch(query, {"run": run_id, "name": name})
        if not rows:
            raise SagaError(f"{name} of {run_id} has no result: it is not done.")
        return codec.decode(type_, rows[0][0])

    return result_of


def _facts(taken: Taken) -> dict[str, Any]:
    return {"run": str(taken.run_id), "step": taken.step.title, "attempt": taken.claim.number}
