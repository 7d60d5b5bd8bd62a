"""An undo: call the participant, and record whatever came of it."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from .. import sql
from ..declare.context import NotApplied, StepContext, UndoContext
from ..errors import LostAttempts, Refused, RetryAfter, SagaError, Unfit
from ..models import Attempt, RunStatus, StepStatus
from ..participants.breaker import settled
from ..settings import saga_settings
from .asking import ask_for_lost, went_on
from .decisions import GO_ON, STOP, Next, Turn, Verdict
from .forward import ask, stored
from .recording import recording
from .transitions import Fenced, change, close_attempt, finish, held, park, ready, save, turn_forward
from .waiting import OURS, failed, own_failure, wait
from .work import Taken, call, claimed_by, facts, hooks, log_failure, over_budget, step_context, undo_context

logger = logging.getLogger(__name__)


def try_undo(taken: Taken) -> Verdict:
    """Carry the undo out. What the participant did not say is no answer of its: see `own_failure`."""
    try:
        return _try(ask_for_lost(taken))
    except Fenced:
        raise
    except Exception as error:
        return own_failure(taken, StepStatus.UNDO_WAITING, error)


def _try(taken: Taken) -> Verdict:
    """Everything that this raises is a failure of our own."""
    step = taken.step
    if step.is_pivot:
        return settle_pivot(taken)
    if over_budget(taken, step.undo_retry):
        return undo_failed(taken, LostAttempts(taken.claim.number - 1))
    assert step.undo_run is not None, "the chain holds only steps with an undo"  # noqa: S101
    context = _readable(taken)
    try:
        if step.local:
            with recording(savepoint=True):
                held(taken.run_id, step.position, taken.claim.token)
                step.undo_run(context)
                return _record_undone(taken, context)
        call(taken, step.undo_run, context)
    except OURS:
        raise
    except Exception as error:
        return _not_undone(taken, error)
    return _record_undone(taken, context)


def _not_undone(taken: Taken, error: Exception) -> Verdict:
    match error:
        case Refused():
            return undo_failed(taken, error)
        case RetryAfter():
            return wait(taken, StepStatus.UNDO_WAITING, Attempt.Outcome.AWAY, error, error.delay)
    log_failure(logger, "saga.undo_failed", taken, error)
    return failed(taken, StepStatus.UNDO_WAITING, taken.step.undo_retry, error, undo_failed)


def _readable(taken: Taken) -> UndoContext[Any, Any]:
    """What the undo is given. With a result that cannot be read nobody is asked; the slot or the trial goes back."""
    try:
        return undo_context(taken)
    except ValueError as error:
        settled(taken.admission, answered=None)
        why = f"What {taken.step.name} returned does not fit what it declares to return: {error}"
        raise Unfit(why) from error


def _record_undone(taken: Taken, context: UndoContext[Any, Any]) -> Verdict:
    with recording():
        rows = sql.RECORD_UNDO.rows({**taken.identity, "patience": saga_settings.PATIENCE.total_seconds()})
        if not rows:
            raise Fenced(f"{taken.run_id}: the lease on undoing {taken.step.name} has passed to another worker.")
        status, code, reason, position = rows[0]
        following = _claim_next(taken, position)
        with hooks():
            if taken.claim.asks:
                went_on(taken)
            if taken.step.undone_run is not None:
                taken.step.undone_run(context)
            if status == RunStatus.COMPENSATED and taken.saga.status_hook is not None:
                taken.saga.status_hook(taken.changed(RunStatus.UNDOING, RunStatus.COMPENSATED, code, reason))
    if taken.claim.asks:
        logger.info("saga.went_on", extra=facts(taken))
    logger.debug("saga.step_undone", extra=facts(taken))
    return GO_ON if following is None else Next(following)


def _claim_next(taken: Taken, position: int) -> Taken | None:
    """The undo that follows, taken in the same commit if this worker is to go on."""
    step = taken.saga.steps[position] if position >= 0 else None
    worker = None if step is None else taken.worker.next(step)
    if step is None or worker is None:
        return None
    claim = sql.claim({"run": taken.run_id, **claimed_by(worker, step)}, undo=True)
    return None if claim is None else taken.followed_by(step, claim, worker, taken.results)


def undo_failed(taken: Taken, error: Exception) -> Verdict:
    """An undo that cannot be done leaves the run on a person's desk; the undos behind it wait."""
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        refused = isinstance(error, Refused)
        close_attempt(step, Attempt.Outcome.REFUSED if refused else Attempt.Outcome.IN_DOUBT, error)
        step.status = StepStatus.UNDO_FAILED
        save(step)
        why = f"{run.reason} — and then undoing {step.name} failed: {error}"
        park(run, code=run.code or step.error_code or "undo_failed", reason=why)
    return STOP


def settle_pivot(taken: Taken) -> Verdict:
    """A run is undone by hand while its pivot is in doubt: ask what became of it before anything is given back.

    Applied after all: the run goes forward again. No answer: the run goes back to the desk. Without a probe the
    operator's word stands.
    """
    settled(taken.admission, answered=None)  # a probe is no call that the breaker learns from
    context = step_context(taken)
    answer = (NotApplied(),) if taken.step.probe_run is None else ask(taken, context)
    if answer is None:
        return undo_failed(taken, SagaError("the participant does not say whether it happened; nothing was undone"))
    if isinstance(answer[0], NotApplied):
        return _record_undone(taken, undo_context(taken))
    return _go_forward(taken, context, answer[0])


def _go_forward(taken: Taken, context: StepContext[Any], result: Any) -> Verdict:
    """The pivot did happen: its step is done, what was due to be undone is done again, and the run goes on."""
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        turn_forward(run, step, stored(taken, result))
        with hooks():
            if taken.step.recorded_run is not None:
                taken.step.recorded_run(context, result)
        if run.position == len(taken.saga.steps):
            finish(run, RunStatus.COMPLETED)
            return STOP
        change(run, RunStatus.RUNNING, wake_at=Now() + saga_settings.PATIENCE)
        return Turn(ready(run))
