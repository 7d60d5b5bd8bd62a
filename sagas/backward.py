"""An undo: call the participant, and record whatever came of it."""

from __future__ import annotations

import logging
import random
from typing import Any

from django.db import transaction

from . import sql
from .context import StatusChange, UndoContext
from .errors import Refused, RetryAfter
from .models import Attempt, RunStatus, StepStatus
from .settings import saga_settings
from .taken import Taken, facts, log_failure, undo_context, wait
from .transitions import Fenced, close_attempt, held, park
from .verdict import GO_ON, STOP, Verdict

logger = logging.getLogger(__name__)


def try_undo(taken: Taken) -> Verdict:
    step = taken.step
    assert step.undo_run is not None, "the chain holds only steps with an undo"  # noqa: S101
    try:
        context = undo_context(taken)
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
        return undo_failed(taken, refusal)
    except RetryAfter as later:
        return wait(taken, StepStatus.UNDO_WAITING, Attempt.Outcome.AWAY, later, later.delay)
    except Exception as error:
        log_failure(logger, "saga.undo_failed", taken, error)
        delay = step.undo_retry.delay_after(taken.claim.counted, roll=random.random())
        if delay is None:
            return undo_failed(taken, error)
        return wait(taken, StepStatus.UNDO_WAITING, Attempt.Outcome.IN_DOUBT, error, delay)


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
    logger.info("saga.step_undone", extra=facts(taken))
    return GO_ON


def undo_failed(taken: Taken, error: Exception) -> Verdict:
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
