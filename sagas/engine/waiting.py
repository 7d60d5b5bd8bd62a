"""How a step, or its undo, is put down until later: after a failure, an outage, or to wait for somebody."""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction

from outbox.consuming import failures
from outbox.retry import Retry

from ..declare.context import StepContext
from ..errors import Awaits, OwnFailure
from ..models import Attempt, RunStatus, StepStatus
from ..settings import saga_settings
from . import asking
from .decisions import STOP, Turn, Verdict, Wait
from .diagnosis import clock, must_stop
from .transitions import Fenced, begin_undo, close_attempt, held, postpone
from .work import Taken, facts, hooks, is_held

logger = logging.getLogger(__name__)
SOONEST = timedelta(seconds=1)
"""However soon a participant wants to be asked again, it is not asked sooner."""
AT_ONCE = timedelta(milliseconds=50)
AWAY_JITTER = 0.25
"""Up to this share is added to such a wait, so that those who were turned away together do not return together."""
OURS = (DatabaseError, OwnFailure, Fenced)
"""What says nothing of the participant, whoever raises it: our database, a hook, a misuse, a lease that is over."""


def failed(
    taken: Taken, status: StepStatus, retry: Retry, error: Exception, give_up: Callable[[Taken, Exception], Verdict]
) -> Verdict:
    """Try again later, or give up when the budget is spent. While a participant is held as away nothing is spent."""
    away = is_held(taken, error)
    budget = replace(retry, attempts=None) if away else retry
    delay = budget.delay_after(taken.claim.counted, roll=random.random())
    if delay is None:
        return give_up(taken, error)
    return wait(taken, status, Attempt.Outcome.IN_DOUBT, error, delay, granted=int(away))


def own_failure(taken: Taken, status: StepStatus, error: Exception) -> Verdict:
    """Something outside of the participant's call failed: try again, with no attempt spent and nothing turned around.

    A database that is away is waited for as long as the lease has its margin; then the lease runs out, as with a worker
    that was lost, and `error` is raised.
    """
    logger.error("saga.own_failure", exc_info=error, extra={**facts(taken), "error": str(error)})
    retry = taken.step.undo_retry if taken.undo else taken.step.retry
    delay = replace(retry, attempts=None).delay_after(taken.claim.asked, roll=random.random()) or SOONEST
    try:
        write = functools.partial(wait, taken, status, Attempt.Outcome.OURS, error, delay, granted=1)
        return failures.write_with_retry(write, saga_settings.LEASE_MARGIN.total_seconds())
    except DatabaseError as away:
        raise error from away


def awaits(taken: Taken, context: StepContext[Any], error: Awaits) -> Verdict:
    """Put the step down until somebody else has acted: no message rides on it, the sweep and `wake` bring it back.

    The participant was asked, so that the attempt is granted and not forgiven: the step is undone should the run turn.
    """
    hook = taken.step.awaiting_run
    told = (lambda: hook(context, error)) if hook else None
    delay = max(error.delay, SOONEST)
    verdict = wait(taken, StepStatus.WAITING, Attempt.Outcome.AWAITS, error, delay, granted=1, hook=told)
    return STOP if isinstance(verdict, Wait) else verdict


def wait(
    taken: Taken,
    status: StepStatus,
    outcome: Attempt.Outcome,
    error: Exception,
    delay: timedelta,
    granted: int = 0,
    hook: Callable[[], None] | None = None,
) -> Verdict:
    """Put the step down until `delay` has passed; `granted` attempts are added to its budget.

    `hook` is called in the same transaction when the run does wait, and is not turned around instead.
    """
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        close_attempt(step, outcome, error)
        step.granted += granted
        if outcome is Attempt.Outcome.OURS:
            step.own_failures += 1
            step.error_code = asking.OWN_FAILURE
        if outcome is Attempt.Outcome.AWAY:
            step.forgiven += 1
            delay = max(delay, SOONEST) * (1 + AWAY_JITTER * random.random())
        elif step.woken:
            delay = AT_ONCE
        step.woken = False
        postpone(run, step, status, delay)
        cause = must_stop(run, step, clock()) if run.status == RunStatus.RUNNING else None
        if cause is not None:
            turned = begin_undo(run, code=cause[0], reason=cause[1])
            return STOP if turned is None else Turn(turned)
        if hook is not None:
            with hooks():
                hook()
        if run.asks_since is not None or asking.needed(taken, run, step, error, outcome):
            asking.ask(run, step)
    return Wait(delay.total_seconds(), str(error)) if delay <= saga_settings.SHORT_WAIT else STOP
