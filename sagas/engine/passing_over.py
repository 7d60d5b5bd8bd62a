"""A step of best effort that failed: the run passes over it and goes on."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from ..errors import Unavailable
from ..models import Attempt, RunStatus
from ..models import StepStatus as S
from ..participants.answers import Failure, Later, Refusal
from ..settings import saga_settings
from .asking import note_went_on
from .continuation import STOP, Continuation, SwitchChain
from .transitions import change, close_attempt, finish, held, ready, save
from .work import ClaimedStep

logger = logging.getLogger(__name__)


def turned_away(work: ClaimedStep) -> Later:
    """The answer of a step whose participant is known to be away, and is not asked."""
    delay = timedelta(seconds=work.admission.wait)
    return Later(delay, Unavailable(delay, work.admission.why))


def pass_over(work: ClaimedStep, answer: Failure, *, in_doubt: bool) -> Continuation:
    """Write that the step failed, and that the run goes on at the next one: one transaction.

    `in_doubt`: it may have taken effect, so that the run's undo has to undo it. What a local step did is rolled back.
    """
    with transaction.atomic():
        run, step = held(work.run_id, work.step.position, work.claim.token)
        close_attempt(step, _outcome(answer), answer.error)
        if not in_doubt or work.step.local:
            step.forgiven = step.attempts
        elif isinstance(answer, Later):
            step.forgiven += 1
        step.status, step.next_attempt_at = S.PASSED_OVER, None
        save(step)
        if work.claim.asks:
            note_went_on(work, f"{work.step.name} was passed over at attempt {work.claim.number}.")
        run.position += 1
        ends = run.position == len(work.saga.steps)
        if ends or run.cancel_requested_at is None:
            run.code = run.reason = ""
        if ends:
            finish(run, RunStatus.COMPLETED)
        else:
            change(run, RunStatus.RUNNING, wake_at=Now() + saga_settings.PATIENCE)
    logger.warning("saga.passed_over", extra={**work.facts, "error": step.error_text})
    return STOP if ends else SwitchChain(ready(run))


def _outcome(answer: Failure) -> Attempt.Outcome:
    match answer:
        case Refusal():
            return Attempt.Outcome.REFUSED
        case Later():
            return Attempt.Outcome.AWAY
    return Attempt.Outcome.IN_DOUBT
