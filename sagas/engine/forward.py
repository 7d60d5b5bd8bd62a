"""A step, forwards: call the participant, and record whatever came of it."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

from django.db import transaction

from outbox.messages import codec
from outbox.sql import NewMessage, columns

from .. import sql
from ..declare.context import NotApplied, StepContext
from ..errors import Awaits, LostAttempts, Refused, RetryAfter, Unfit
from ..models import Attempt, RunStatus, StepStatus
from ..settings import saga_settings
from .asking import ask_for_lost, went_on
from .decisions import GO_ON, STOP, Next, Turn, Verdict
from .recording import recorded_with, recording
from .transitions import Fenced, begin_undo, close_attempt, held, park, save
from .waiting import OURS, awaits, failed, own_failure, wait
from .work import Taken, call, claimed_by, facts, hooks, is_held, log_failure, over_budget, step_context

logger = logging.getLogger(__name__)


def try_step(taken: Taken) -> Verdict:
    """Carry the step out. What the participant did not say is no answer of its: see `own_failure`."""
    try:
        taken = ask_for_lost(taken)
        return _try(taken, step_context(taken))
    except Fenced:
        raise
    except Exception as error:
        return own_failure(taken, StepStatus.WAITING, error)


def _try(taken: Taken, context: StepContext[Any]) -> Verdict:
    """Everything that this raises is a failure of our own."""
    step = taken.step
    if over_budget(taken, step.retry):
        return give_up(taken, LostAttempts(taken.claim.number - 1))
    try:
        if step.local:
            return _local(taken, context)
        result = call(taken, step.run, context)
    except OURS:
        raise
    except Exception as error:
        return _not_done(taken, context, error)
    return _record_done(taken, context, result)


def _not_done(taken: Taken, context: StepContext[Any], error: Exception) -> Verdict:
    match error:
        case Refused():
            return _refused(taken, context, error)
        case Awaits():
            return awaits(taken, context, error)
        case RetryAfter():
            return wait(taken, StepStatus.WAITING, Attempt.Outcome.AWAY, error, error.delay)
    log_failure(logger, "saga.attempt_failed", taken, error)  # whatever it was: the participant may have been asked
    found = ask(taken, context) if is_held(taken, error) else None
    if found is not None and not isinstance(found[0], NotApplied):
        return _record_done(taken, context, found[0])  # it is only its answers that do not reach us
    return failed(taken, StepStatus.WAITING, taken.step.retry, error, give_up)


def _local(taken: Taken, context: StepContext[Any]) -> Verdict:
    """A step that only touches our own database, in the transaction that records it."""
    with recording(savepoint=True):
        held(taken.run_id, taken.step.position, taken.claim.token)
        if taken.claim.asks:
            with hooks():
                went_on(taken)
        return _record_done(taken, context, taken.step.run(context))


def _record_done(taken: Taken, context: StepContext[Any], result: Any) -> Verdict:
    """Record the result, the run's next state, the host's writes and its events, and take the next step: one commit."""
    saga, step = taken.saga, taken.step
    ends = step.position == len(saga.steps) - 1 and saga.status_hook is not None
    leaves = taken.claim.asks and not step.local  # a local one has said so
    encoded = stored(taken, result)

    def hook() -> None:
        with hooks():
            if leaves:
                went_on(taken)
            if step.recorded_run is not None:
                step.recorded_run(context, result)
            if ends and saga.status_hook is not None:
                saga.status_hook(taken.changed(RunStatus.RUNNING, RunStatus.COMPLETED))

    if step.recorded_run is None and not ends and not leaves:
        taken_next = _record(taken, encoded, [])
    else:
        taken_next = recorded_with(hook, lambda messages: _record(taken, encoded, messages))
    if taken.claim.asks:
        logger.info("saga.went_on", extra=facts(taken))
    logger.debug("saga.step_done", extra=facts(taken))
    return GO_ON if taken_next is None else Next(taken_next)


def stored(taken: Taken, result: Any) -> str:
    """The result as it is kept. Raises Unfit for what cannot be."""
    try:
        return codec.storable(result)
    except Exception as error:
        raise Unfit(f"{taken.step.title} is done, and what it returned cannot be kept as JSON: {error}") from error


def _record(taken: Taken, result: str, messages: list[NewMessage]) -> Taken | None:
    """Write that the step is done, and the messages; take the next step if this worker is to go on. Raises Fenced."""
    last = taken.step.position == len(taken.saga.steps) - 1
    values = {
        **taken.identity,
        "result": result,
        "last": last,
        "status": (RunStatus.COMPLETED if last else RunStatus.RUNNING).value,
        "patience": saga_settings.PATIENCE.total_seconds(),
        **(columns(messages) if messages else {}),
    }
    step = None if last else taken.saga.steps[taken.step.position + 1]
    worker = None if step is None else taken.worker.next(step)
    if step is None or worker is None:
        _unless_fenced(taken, (sql.RECORD_AND_TELL if messages else sql.RECORD_STEP).rows(values))
        return None
    claim = _record_and_claim(taken, {**claimed_by(worker, step), **values})
    known = {**taken.results, taken.step.name: result}
    return None if claim is None else taken.followed_by(step, claim, worker, known)


def _record_and_claim(taken: Taken, values: dict[str, Any]) -> sql.Claim | None:
    """None when the next step is not to be had: paused, cancelled, past the deadline."""
    token = uuid4()
    statement = sql.RECORD_TELL_AND_CLAIM if "message_ids" in values else sql.RECORD_AND_CLAIM
    rows = _unless_fenced(taken, statement.rows({**values, "next_token": token}))
    number, forgiven, granted = rows[0]
    if number is None:
        return None
    return sql.Claim(token, taken.claim.key, taken.claim.input, number, forgiven, granted, None)


def _unless_fenced(taken: Taken, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    if not rows:
        raise Fenced(f"{taken.run_id}: the lease on {taken.step.name} has passed to another worker.")
    return rows


def _refused(taken: Taken, context: StepContext[Any], refusal: Refused) -> Verdict:
    """The business said no: before the pivot, or at it, the run turns around; after it only a person can go on."""
    step, pivot = taken.step, taken.saga.pivot_step
    if step.is_pivot and taken.claim.asked > 1:
        return _refused_in_doubt(taken, context, refusal)
    after_pivot = pivot is not None and step.position > pivot.position
    return _turn(taken, StepStatus.REFUSED, Attempt.Outcome.REFUSED, refusal, stuck=after_pivot)


def _refused_in_doubt(taken: Taken, context: StepContext[Any], refusal: Refused) -> Verdict:
    """The pivot is refused after an attempt whose answer was lost. That one may have been applied: ask, never guess."""
    answer = ask(taken, context)
    if answer is None:
        return _turn(taken, StepStatus.IN_DOUBT, Attempt.Outcome.REFUSED, refusal, stuck=True)
    if isinstance(answer[0], NotApplied):
        return _turn(taken, StepStatus.REFUSED, Attempt.Outcome.REFUSED, refusal, stuck=False)
    return _record_done(taken, context, answer[0])


def give_up(taken: Taken, error: Exception) -> Verdict:
    """The budget is spent, the outcome unknown: ask the probe; else undo before the pivot, and a person from it on."""
    context = step_context(taken)
    answer = ask(taken, context)
    if answer is not None and not isinstance(answer[0], NotApplied):
        return _record_done(taken, context, answer[0])
    pivot = taken.saga.pivot_step
    stuck = pivot is not None and taken.step.position >= pivot.position
    return _turn(taken, StepStatus.IN_DOUBT, Attempt.Outcome.IN_DOUBT, error, stuck=stuck)


def ask(taken: Taken, context: StepContext[Any]) -> tuple[Any] | None:
    """The probe's answer in a tuple; None when there is no probe, or it had no answer either. Raises what is ours."""
    if taken.step.probe_run is None:
        return None
    try:
        return (taken.step.probe_run(context),)
    except OURS:
        raise
    except Exception:  # a probe changes nothing, so that its failure only leaves the doubt
        logger.warning("saga.probe_failed", exc_info=True, extra=facts(taken))
        return None


def _turn(taken: Taken, status: StepStatus, outcome: Attempt.Outcome, error: Exception, *, stuck: bool) -> Verdict:
    """Write how the step ended for good, and park the run or turn it around."""
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        close_attempt(step, outcome, error)
        step.status = status
        save(step)
        code = step.error_code or status.value
        reason = f"{taken.step.name}: {error}"
        if stuck:
            park(run, code=code, reason=reason)
            return STOP
        turned = begin_undo(run, code=code, reason=reason)
    logger.info("saga.turned", extra={**facts(taken), "code": code})
    return STOP if turned is None else Turn(turned)
