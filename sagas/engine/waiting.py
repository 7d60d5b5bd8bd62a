"""How a step, or its undo, is put down until later: after a failure, an outage, or to wait for somebody."""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Callable
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db import transaction

from outbox.consuming import failures

from ..errors import OWN_FAILURE
from ..models import Attempt, Run, RunStatus, Step, StepStatus
from ..participants.answers import Awaiting, Failure, OurFailure
from ..settings import saga_settings
from . import asking
from .asked import SOONEST, Attempted
from .continuation import STOP, Continuation, RetryIn, SwitchChain
from .decide import Cost, Failures, Wait, needs_person
from .diagnosis import clock, must_stop
from .recording import hooks
from .transitions import begin_undo, close_attempt, held, passed_pivot, postpone
from .work import ClaimedStep

logger = logging.getLogger(__name__)
AT_ONCE = timedelta(milliseconds=50)
AWAY_JITTER = 0.25
"""Up to this share is added to such a wait, so that those who were turned away together do not return together."""


def put_down(work: ClaimedStep, wait: Wait, answer: Failure, hook: Callable[[], None] | None = None) -> Continuation:
    """Put the step down until the wait is over: one transaction.

    `hook` is called in it when the run does wait, and is not turned around instead. For a failure of our own a database
    that is away is waited for, as long as the lease has its margin; then the lease runs out, as with a worker that was
    lost, and the failure's error is raised.
    """
    write = functools.partial(_put_down, work, wait, answer, hook)
    if not isinstance(answer, OurFailure):
        return write()
    stack = failures.stack_of(answer.error)
    logger.error("saga.own_failure", exc_info=stack, extra={**work.facts, "error": str(answer.error).strip()})
    try:
        return failures.write_with_retry(write, saga_settings.LEASE_MARGIN.total_seconds())
    except DatabaseError as away:
        raise answer.error from away


def _put_down(work: ClaimedStep, wait: Wait, answer: Failure, hook: Callable[[], None] | None) -> Continuation:
    """A step that waits for somebody to act is brought back by the sweep and by `wake`: no message rides on it."""
    with transaction.atomic():
        run, step = held(work.run_id, work.step.position, work.claim.token)
        outcome = _outcome(wait, answer)
        close_attempt(step, outcome, answer.error)
        _count(step, wait, answer, asked=work.step.wait is None)
        delay = _delay(step, wait, answer)
        step.woken = False
        postpone(run, step, StepStatus.UNDO_WAITING if work.undo else StepStatus.WAITING, delay)
        cause = must_stop(run, step, clock()) if run.status == RunStatus.RUNNING else None
        if cause is not None:
            turned = begin_undo(run, code=cause[0], reason=cause[1])
            return STOP if turned is None else SwitchChain(turned)
        if hook is not None:
            with hooks():
                hook()
        if run.asks_since is not None or _needs_person(work, wait, answer, run, step):
            asking.ask(run, step)
    rides = delay <= saga_settings.SHORT_WAIT and outcome is not Attempt.Outcome.AWAITS
    return RetryIn(delay.total_seconds(), str(answer.error)) if rides else STOP


def _outcome(wait: Wait, answer: Failure) -> Attempt.Outcome:
    """How the attempt ended, in the record."""
    if isinstance(answer, OurFailure):
        return Attempt.Outcome.OURS
    if wait.cost is Cost.FORGIVEN:
        return Attempt.Outcome.AWAY
    return Attempt.Outcome.AWAITS if isinstance(answer, Awaiting) else Attempt.Outcome.IN_DOUBT


def _count(step: Step, wait: Wait, answer: Failure, *, asked: bool) -> None:
    """`asked`: whether the step asks anybody; one that only waits does not."""
    free = wait.cost is Cost.FORGIVEN or (isinstance(answer, Awaiting) and not asked)
    step.granted += wait.cost is Cost.GRANTED and not free
    step.forgiven += free
    if isinstance(answer, OurFailure):
        step.own_failures += 1
        step.error_code = OWN_FAILURE


def _delay(step: Step, wait: Wait, answer: Failure) -> timedelta:
    """The wait's, as this participant and this moment have it."""
    if wait.cost is Cost.FORGIVEN:
        return max(wait.delay, SOONEST) * (1 + AWAY_JITTER * random.random())
    if step.woken:
        return AT_ONCE
    return max(wait.delay, SOONEST) if isinstance(answer, Awaiting) else wait.delay


def _needs_person(work: ClaimedStep, wait: Wait, answer: Failure, run: Run, step: Step) -> bool:
    counts = Failures(
        counted=work.counted,
        forgiven=step.forgiven,
        own=step.own_failures,
        endless=work.retry.attempts is None,
        onward=work.undo or (passed_pivot(run, step) and not work.step.best_effort),
    )
    return needs_person(answer, wait, Attempted(work, answer), counts, saga_settings.ASK_AFTER)
