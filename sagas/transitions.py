"""Every change of a run's or a step's status off the happy path, which is in `sql.py`. Nothing else writes one.

Each function expects the run locked by `locked` or `held`, in the caller's transaction; the lock order is run, then
step, then whatever the host's hook writes.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from outbox import codec

from . import registry
from .context import StatusChange
from .declaration import Saga
from .declaration import Step as DeclaredStep
from .dispatch import RunReady
from .errors import SagaError
from .models import Attempt, Run, RunStatus, Step, StepStatus
from .settings import saga_settings

logger = logging.getLogger(__name__)

WOKEN_BY_SWEEP = timedelta(seconds=2)
"""How long the sweep leaves a short wait to Celery's own retry before it rings."""


class Fenced(SagaError):
    """The attempt in hand is no longer ours: its lease ran out and another worker took the step."""


def locked(run_id: UUID) -> Run:
    """The run, locked until the transaction ends. Raises Run.DoesNotExist."""
    return Run.objects.select_for_update().get(pk=run_id)


def held(run_id: UUID, position: int, token: UUID) -> tuple[Run, Step]:
    """The run, locked, and the step that this attempt holds. Raises Fenced when it holds it no more."""
    run = locked(run_id)
    step = run.steps.filter(position=position, token=token).first()
    if step is None:
        raise Fenced(f"{run_id}: the lease on step {position} has passed to another worker.")
    return run, step


def close_attempt(step: Step, outcome: Attempt.Outcome, error: BaseException) -> None:
    """Write how the attempt in hand ended, on the attempt and on the step, and let go of the step."""
    kind, text = type(error).__qualname__, str(error)
    assert step.token is not None, "only a step in hand has an attempt to close"  # noqa: S101
    Attempt.objects.filter(run_id=step.run_id, token=step.token).update(
        outcome=outcome, ended_at=Now(), error_class=kind, error_text=text
    )
    step.token, step.lease_until = None, None
    step.error_class, step.error_text, step.error_code = kind, text, getattr(error, "code", "")


def postpone(run: Run, step: Step, status: StepStatus, delay: timedelta) -> None:
    """Have the step wait for its next attempt. Long waits are the sweep's alone; in short ones it rings as a second."""
    step.status = status
    step.next_attempt_at = Now() + delay
    step.save()
    slack = WOKEN_BY_SWEEP if delay <= saga_settings.SHORT_WAIT else timedelta(0)
    run.wake_at = Now() + delay + slack
    if run.status == RunStatus.RUNNING and run.cancel_requested_at is None:  # else it says why the run is undone
        run.reason = step.error_text
    run.save(update_fields=["wake_at", "reason"])


def begin_undo(run: Run, *, code: str, reason: str) -> RunReady | None:
    """Turn the run around: every step that may have happened is to be undone, the last one first.

    Returns the chain to send; None when there is nothing to undo, and the run is compensated already.
    """
    saga = registry.find(run.name, run.version)
    due = [step for step in run.steps.order_by("-position") if _needs_undo(step, saga)]
    for step in due:
        step.status, step.next_attempt_at = StepStatus.UNDO_DUE, None
        step.forgiven = step.granted = 0
        step.token, step.lease_until = None, None
        step.save()
    run.code, run.reason = code, reason
    run.position = due[0].position if due else -1
    if not due:
        finish(run, RunStatus.COMPENSATED)
        return None
    change(run, RunStatus.UNDOING, wake_at=Now() + saga_settings.PATIENCE)
    return ready(run)


def park(run: Run, *, code: str, reason: str) -> None:
    """Put the run on a person's desk."""
    run.code, run.reason = code, reason
    change(run, RunStatus.STUCK, wake_at=None)


def finish(run: Run, status: RunStatus) -> None:
    """End the run."""
    run.finished_at = Now()
    change(run, status, wake_at=None)


def change(run: Run, after: RunStatus, *, wake_at: Any) -> None:
    """Write the run with its new status, and tell the host's hook in the same transaction."""
    before, run.status = run.status, after
    run.wake_at = wake_at
    run.rings = 0
    run.updated_at = Now()
    run.row_version = F("row_version") + 1
    run.save()
    run.refresh_from_db(fields=["row_version", "updated_at", "finished_at", "wake_at"])
    if before != after:
        _tell_host(run, before)


def _tell_host(run: Run, before: str) -> None:
    """Call the host's hook for a changed status."""
    saga = registry.find(run.name, run.version)
    if saga.status_hook is None:
        return
    try:
        value = codec.decode(saga.input_type, codec.encode(run.input))
    except ValueError:  # the run is parked for this very reason; its hook cannot be given what it is declared for
        logger.exception("saga.unreadable_input", extra={"run": str(run.id)})
        return
    step = step_at(saga, run.position)
    saga.status_hook(StatusChange(run.id, value, before, run.status, step, run.code, run.reason, run.resolution))


def step_at(saga: Saga[Any], position: int) -> str:
    """The name of the step at a position; empty before the first and after the last."""
    return saga.steps[position].name if 0 <= position < len(saga.steps) else ""


def ready(run: Run) -> RunReady:
    """The message that has the run's next chain sent."""
    return RunReady(run.id, run.name, run.version, run.status == RunStatus.UNDOING, run.position)


def leased(step: Step, now: datetime) -> bool:
    """Whether a worker has the step in hand."""
    return step.token is not None and step.lease_until is not None and step.lease_until > now


def may_have_happened(step: Step) -> bool:
    """Whether the step's participant was asked and did not surely leave it undone."""
    clean_refusal = step.status == StepStatus.REFUSED and step.attempts - step.forgiven <= 1
    return step.attempts > step.forgiven and not clean_refusal


def _needs_undo(step: Step, saga: Saga[Any]) -> bool:
    declared: DeclaredStep[Any, Any] = saga.named(step.name)
    return declared.has_undo and step.status != StepStatus.UNDONE and may_have_happened(step)
