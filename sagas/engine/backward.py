"""An undo: ask the participant, decide what follows, and write it down; one write for each decision."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from outbox.messages import trace

from .. import sql
from ..declare.context import NotApplied, StepContext, UndoContext
from ..errors import LeaseLost, SagaError, Unfit
from ..models import Attempt, RunStatus, StepStatus
from ..participants import calls
from ..participants.answers import Answer, Done, Later, LostWorker, NoAnswer, OurFailure, Refusal, answer_to
from ..settings import saga_settings
from .asked import Attempted, is_ours, log_failure, log_turned_away, lost_worker
from .asking import ask_for_lost, went_on
from .continuation import CONTINUE, STOP, Continuation, RunNext, SwitchChain
from .decide import GoForward, Park, Record, Wait, decide_doubtful_pivot, decide_undo
from .done import stored
from .recording import hooks, recording
from .transitions import change, close_attempt, finish, held, park, ready, save, turn_forward
from .waiting import put_down
from .work import ClaimedStep, claimed_by, step_context, undo_context

logger = logging.getLogger(__name__)


def try_undo(work: ClaimedStep) -> Continuation:
    """Carry the undo out. Raises LeaseLost, and the failure of our own that could not be written down either."""
    try:
        work = ask_for_lost(work)
        if work.step.is_pivot:
            return settle_pivot(work)
        if work.is_spent:
            return _follow(work, lost_worker(work))
        return _try(work, _readable(work))
    except LeaseLost:
        raise
    except Exception as error:  # outside of the participant's call, or nothing that it has to do with
        failure = error
    return _follow(work, OurFailure(failure))


def _try(work: ClaimedStep, context: UndoContext[Any, Any]) -> Continuation:
    step = work.step
    assert step.undo_run is not None, "the chain holds only steps with an undo"  # noqa: S101
    if not step.local:
        return _follow(work, calls.ask(work.admission, step.undo_run, context, is_ours), context)
    try:
        with recording(savepoint=True):
            held(work.run_id, step.position, work.claim.token)
            step.undo_run(context)
            return _record_undone(work, context)
    except Exception as error:
        answer = answer_to(error, is_ours)
    return _follow(work, answer)


def _follow(work: ClaimedStep, answer: Answer, context: UndoContext[Any, Any] | None = None) -> Continuation:
    """Decide what follows from the answer, and write it down. `context` is what the undo was asked with."""
    if isinstance(answer, NoAnswer | LostWorker):
        log_failure("saga.undo_failed", work, answer.error)
    elif isinstance(answer, Later):
        log_turned_away(work, answer)
    decision = decide_undo(answer, Attempted(work, answer))
    if isinstance(decision, Record):
        return _record_undone(work, context or undo_context(work))
    assert not isinstance(answer, Done), "what is done is recorded"  # noqa: S101
    match decision:
        case Wait():
            return put_down(work, decision, answer)
        case Park():
            refused = isinstance(answer, Refusal)
            return _park(work, Attempt.Outcome.REFUSED if refused else Attempt.Outcome.IN_DOUBT, answer.error)


def settle_pivot(work: ClaimedStep) -> Continuation:
    """A run is undone by hand while its pivot is in doubt: ask what became of it before anything is given back.

    Without a probe the operator's word stands.
    """
    calls.settled(work.admission, answered=None)  # a probe is no call that the breaker learns from
    context = step_context(work)
    found = NotApplied() if work.step.probe_run is None else calls.probe(work.step, context, is_ours)
    match decide_doubtful_pivot(found):
        case GoForward(result):
            return _go_forward(work, context, result)
        case Record():
            return _record_undone(work, undo_context(work))
        case Park():
            silent = SagaError("the participant does not say whether it happened; nothing was undone")
            return _park(work, Attempt.Outcome.IN_DOUBT, silent)


def _readable(work: ClaimedStep) -> UndoContext[Any, Any]:
    """What the undo is given. With a result that cannot be read nobody is asked; the slot or the trial goes back."""
    try:
        return undo_context(work)
    except ValueError as error:
        calls.settled(work.admission, answered=None)
        why = f"What {work.step.name} returned does not fit what it declares to return: {error}"
        raise Unfit(why) from error


# --- The writes ----------------------------------------------------------------------------------------------------


def _record_undone(work: ClaimedStep, context: UndoContext[Any, Any]) -> Continuation:
    """Record the undo, the run's next state and the host's writes, and claim the next undo: one transaction."""
    with recording():
        rows = sql.RECORD_UNDO.rows({**work.identity, "patience": saga_settings.PATIENCE.total_seconds()})
        if not rows:
            raise LeaseLost(f"{work.run_id}: the lease on undoing {work.step.name} has passed to another worker.")
        status, code, reason, position = rows[0]
        following = _claim_next(work, position)
        with hooks():
            if work.claim.asks:
                went_on(work)
            if work.step.undone_run is not None:
                work.step.undone_run(context)
            if status == RunStatus.COMPENSATED and (told := work.saga.told) is not None:
                told(work.changed(RunStatus.UNDOING, RunStatus.COMPENSATED, code, reason))
    if work.claim.asks:
        logger.info("saga.went_on", extra=work.facts)
    logger.debug("saga.step_undone", extra=work.facts)
    return CONTINUE if following is None else RunNext(following)


def _claim_next(work: ClaimedStep, position: int) -> ClaimedStep | None:
    """The undo that follows, claimed in the same commit if this worker is to go on."""
    step = work.saga.steps[position] if position >= 0 else None
    worker = None if step is None else work.worker.next(step)
    if step is None or worker is None:
        return None
    claim = sql.claim({"run": work.run_id, **claimed_by(worker, step, trace.current())}, undo=True)
    return None if claim is None else work.followed_by(step, claim, worker, work.results)


def _park(work: ClaimedStep, outcome: Attempt.Outcome, error: Exception) -> Continuation:
    """An undo that cannot be done leaves the run on a person's desk; the undos behind it wait."""
    with transaction.atomic():
        run, step = held(work.run_id, work.step.position, work.claim.token)
        close_attempt(step, outcome, error)
        step.status = StepStatus.UNDO_FAILED
        save(step)
        why = f"{run.reason} — and then undoing {step.name} failed: {error}"
        cause = step.error_code or "undo_failed"
        park(run, code=run.code or cause, reason=why, cause=cause)
    return STOP


def _go_forward(work: ClaimedStep, context: StepContext[Any], result: Any) -> Continuation:
    """The pivot did happen: its step is done, what was due to be undone is done again, and the run goes on."""
    with transaction.atomic():
        run, step = held(work.run_id, work.step.position, work.claim.token)
        turn_forward(run, step, stored(work, result))
        with hooks():
            if work.step.recorded_run is not None:
                work.step.recorded_run(context, result)
        if run.position == len(work.saga.steps):
            finish(run, RunStatus.COMPLETED)
            return STOP
        change(run, RunStatus.RUNNING, wake_at=Now() + saga_settings.PATIENCE)
        return SwitchChain(ready(run))
