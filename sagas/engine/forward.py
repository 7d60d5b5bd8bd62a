"""A step, forwards: ask the participant, decide what follows, and write it down; one write for each decision."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction

from outbox.messages import codec
from outbox.sql import NewMessage, columns

from .. import sql
from ..declare.context import StepContext
from ..errors import LeaseLost, Unfit
from ..models import Attempt, RunStatus, StepStatus
from ..participants import calls
from ..participants.answers import Answer, Awaiting, Done, Failure, NoAnswer, OurFailure, Refusal, answer_to
from ..settings import saga_settings
from .asked import Attempted, is_ours, log_failure, lost_worker
from .asking import ask_for_lost, went_on
from .continuation import CONTINUE, STOP, Continuation, RunNext, SwitchChain
from .decide import Park, Record, Undo, Wait, decide
from .recording import hooks, recorded_with, recording
from .transitions import begin_undo, close_attempt, held, park, save
from .waiting import put_down
from .work import ClaimedStep, claimed_by, step_context

logger = logging.getLogger(__name__)


def try_step(work: ClaimedStep) -> Continuation:
    """Carry the step out. Raises LeaseLost, and the failure of our own that could not be written down either."""
    context = step_context(work)
    try:
        if work.is_spent:
            return _follow(work, context, lost_worker(work))
        if work.step.retry.attempts is None:
            work = ask_for_lost(work)
        if work.step.local:
            return _try_here(work, context)
        return _follow(work, context, calls.ask(work.admission, work.step.run, context, is_ours))
    except LeaseLost:
        raise
    except Exception as error:  # outside of the participant's call, or nothing that it has to do with
        failure = error
    return _follow(work, context, OurFailure(failure))


def _try_here(work: ClaimedStep, context: StepContext[Any]) -> Continuation:
    """A step that only touches our own database, in the transaction that records it."""
    try:
        with recording(savepoint=True):
            held(work.run_id, work.step.position, work.claim.token)
            if work.claim.asks:
                with hooks():
                    went_on(work)
            return record(work, context, work.step.run(context))
    except Exception as error:
        answer = answer_to(error, is_ours)
    return _follow(work, context, answer)


def _follow(work: ClaimedStep, context: StepContext[Any], answer: Answer) -> Continuation:
    """Decide what follows from the answer, and write it down."""
    if isinstance(answer, NoAnswer):
        log_failure("saga.attempt_failed", work, answer.error)  # whatever it was: the participant may have been asked
    decision = decide(answer, Attempted(work, answer), partial(calls.probe, work.step, context, is_ours))
    if isinstance(decision, Record):
        return record(work, context, decision.result)
    assert not isinstance(answer, Done), "what is done is recorded"  # noqa: S101
    match decision:
        case Wait():
            return put_down(work, decision, answer, _awaiting_hook(work, context, answer))
        case Undo(left):
            return _end_step(work, StepStatus(left.value), answer, stuck=False)
        case Park(left):
            return _end_step(work, StepStatus(left.value), answer, stuck=True)


# --- The writes ----------------------------------------------------------------------------------------------------


def record(work: ClaimedStep, context: StepContext[Any], result: Any) -> Continuation:
    """Record the result, the run's next state and the host's writes and events, and claim the next step: one commit."""
    saga, step = work.saga, work.step
    ends = step.position == len(saga.steps) - 1 and saga.status_hook is not None
    leaves = work.claim.asks and not step.local  # a local one has said so
    encoded = stored(work, result)

    def hook() -> None:
        with hooks():
            if leaves:
                went_on(work)
            if step.recorded_run is not None:
                step.recorded_run(context, result)
            if ends and saga.status_hook is not None:
                saga.status_hook(work.changed(RunStatus.RUNNING, RunStatus.COMPLETED))

    if step.recorded_run is None and not ends and not leaves:
        following = _write(work, encoded, [])
    else:
        following = recorded_with(hook, lambda messages: _write(work, encoded, messages))
    if work.claim.asks:
        logger.info("saga.went_on", extra=work.facts)
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("saga.step_done", extra=work.facts)
    return CONTINUE if following is None else RunNext(following)


def stored(work: ClaimedStep, result: Any) -> str:
    """The result as it is kept. Raises Unfit for what cannot be."""
    try:
        return codec.storable(result)
    except Exception as error:
        raise Unfit(f"{work.step.title} is done, and what it returned cannot be kept as JSON: {error}") from error


def _write(work: ClaimedStep, result: str, messages: list[NewMessage]) -> ClaimedStep | None:
    """Write that the step is done, and the messages; claim the next step if this worker is to go on.

    None when it is not to go on, or the next step is not to be had: paused, cancelled, past the deadline. Raises
    LeaseLost.
    """
    last = work.step.position == len(work.saga.steps) - 1
    values = {
        **work.identity,
        "result": result,
        "last": last,
        "status": (RunStatus.COMPLETED if last else RunStatus.RUNNING).value,
        "patience": saga_settings.PATIENCE.total_seconds(),
        **(columns(messages) if messages else {}),
    }
    step = None if last else work.saga.steps[work.step.position + 1]
    worker = None if step is None else work.worker.next(step)
    if step is None or worker is None:
        statement = sql.RECORD_AND_TELL if messages else sql.RECORD_STEP
    else:
        statement = sql.RECORD_TELL_AND_CLAIM if messages else sql.RECORD_AND_CLAIM
        values |= {**claimed_by(worker, step), "position": work.step.position, "next_token": uuid4()}
    rows = statement.rows(values)
    if not rows:
        raise LeaseLost(f"{work.run_id}: the lease on {work.step.name} has passed to another worker.")
    number, forgiven, granted = rows[0]
    if step is None or worker is None or number is None:
        return None
    claim = sql.Claim(values["next_token"], work.claim.key, work.claim.input, number, forgiven, granted, None)
    return work.followed_by(step, claim, worker, {**work.results, work.step.name: result})


def _awaiting_hook(work: ClaimedStep, context: StepContext[Any], answer: Failure) -> partial[None] | None:
    """The host's hook for a step that waits for somebody to act."""
    hook = work.step.awaiting_run
    return partial(hook, context, answer.error) if hook and isinstance(answer, Awaiting) else None


def _end_step(work: ClaimedStep, status: StepStatus, answer: Failure, *, stuck: bool) -> Continuation:
    """Write how the step ended for good, and park the run or turn it around: one transaction."""
    outcome = Attempt.Outcome.REFUSED if isinstance(answer, Refusal) else Attempt.Outcome.IN_DOUBT
    with transaction.atomic():
        run, step = held(work.run_id, work.step.position, work.claim.token)
        close_attempt(step, outcome, answer.error)
        step.status = status
        save(step)
        code = step.error_code or status.value
        reason = f"{work.step.name}: {answer.error}"
        if stuck:
            park(run, code=code, reason=reason)
            return STOP
        turned = begin_undo(run, code=code, reason=reason)
    logger.info("saga.turned", extra={**work.facts, "code": code})
    return STOP if turned is None else SwitchChain(turned)
