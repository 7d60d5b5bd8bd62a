"""A step, forwards: ask the participant, decide what follows, and write it down; `done.py` records what is done."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import transaction

from ..declare.context import StepContext
from ..errors import LeaseLost
from ..models import Attempt, StepStatus
from ..participants import calls
from ..participants.answers import (
    Awaiting,
    Done,
    Failure,
    Later,
    LostWorker,
    NoAnswer,
    OurFailure,
    Refusal,
    answer_to,
)
from .asked import Attempted, is_ours, log_failure, log_turned_away, lost_worker
from .asking import ask_for_lost, went_on
from .continuation import STOP, Continuation, SwitchChain
from .decide import Park, PassOver, Record, Undo, Wait, decide, decide_best_effort
from .done import Called, record
from .kept_waits import Awaited, keep
from .passing_over import pass_over, turned_away
from .recording import hooks, recording
from .transitions import begin_undo, close_attempt, held, park, save
from .waiting import put_down
from .work import ClaimedStep, step_context

logger = logging.getLogger(__name__)


def try_step(work: ClaimedStep) -> Continuation:
    """Carry the step out. Raises LeaseLost, and the failure of our own that could not be written down either."""
    return _try_local(work) if work.step.local and not work.is_spent else settle(ask(work))


def ask(work: ClaimedStep) -> Called:
    """Ask the step's participant. Raises LeaseLost."""
    context = step_context(work)
    try:
        if work.is_spent:
            return Called(work, context, lost_worker(work))
        if not work.admission.go:
            return Called(work, context, turned_away(work))
        if work.step.retry.attempts is None:
            work = ask_for_lost(work)
        return Called(work, context, calls.ask(work.admission, work.step.run, context, is_ours))
    except LeaseLost:
        raise
    except Exception as error:  # outside of the participant's call, or nothing that it has to do with
        return Called(work, context, OurFailure(error))


def settle(called: Called) -> Continuation:
    """Decide what follows from the answer, and write it down. Raises as `try_step` does."""
    if isinstance(called.answer, OurFailure):
        return _follow(called)
    try:
        return _follow(called)
    except LeaseLost:
        raise
    except Exception as error:
        failure = OurFailure(error)
    return _follow(replace(called, answer=failure))


def _try_local(work: ClaimedStep) -> Continuation:
    """A step that only touches our own database, in the transaction that records it."""
    context = step_context(work)
    try:
        if work.step.retry.attempts is None:
            work = ask_for_lost(work)
        return _try_here(work, context)
    except LeaseLost:
        raise
    except Exception as error:
        failure = OurFailure(error)
    return _follow(Called(work, context, failure))


def _try_here(work: ClaimedStep, context: StepContext[Any]) -> Continuation:
    try:
        with recording(savepoint=True):
            held(work.run_id, work.step.position, work.claim.token)
            if work.claim.asks:
                with hooks():
                    went_on(work)
            result = work.step.run(context)
            return record(Called(work, context, Done(result)), result)
    except Exception as error:
        answer = answer_to(error, is_ours)
    return _follow(Called(work, context, answer))


def _follow(called: Called) -> Continuation:
    work, context, answer = called.work, called.context, called.answer
    if isinstance(answer, NoAnswer | LostWorker):
        log_failure("saga.attempt_failed", work, answer.error)  # whatever it was: the participant may have been asked
    elif isinstance(answer, Later):
        log_turned_away(work, answer)
    rule = decide_best_effort if work.step.best_effort else decide
    decision = rule(answer, Attempted(work, answer), partial(calls.probe, work.step, context, is_ours))
    if isinstance(decision, Record):
        return record(called, decision.result)
    assert not isinstance(answer, Done), "what is done is recorded"  # noqa: S101
    match decision:
        case Wait():
            return put_down(work, decision, answer, _awaiting_hook(work, context, answer))
        case PassOver(in_doubt):
            return pass_over(work, answer, in_doubt=in_doubt)
        case Undo(left):
            return _end_step(work, StepStatus(left.value), answer, stuck=False)
        case Park(left):
            return _end_step(work, StepStatus(left.value), answer, stuck=True)


def _awaiting_hook(work: ClaimedStep, context: StepContext[Any], answer: Failure) -> Callable[[], None] | None:
    """What the engine and the host write for a step that waits for somebody to act."""
    hook = work.step.awaiting_run
    if not isinstance(answer, Awaiting) or (hook is None and work.step.wait is None):
        return None
    error = answer.error

    def write() -> None:
        if work.step.wait is not None and isinstance(error.detail, Awaited):
            keep(work.run_id, work.step, error.detail)
        if hook is not None:
            hook(context, error)

    return write


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
