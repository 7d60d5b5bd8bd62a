"""Every change of a run's or a step's status but the happy path's, which `sql/` writes. Nothing else writes one.

Each function expects the run locked by `locked` or `held`, in the caller's transaction; the lock order is run, then
step, then whatever the host's hook writes.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, JSONField, Value
from django.db.models.functions import Least, Now

from outbox.masking import masked
from outbox.messages import codec
from outbox.messages.texts import plain

from ..declare import registry
from ..declare.context import StatusChange
from ..declare.saga import Saga
from ..declare.step import Step as DeclaredStep
from ..errors import LONGEST_CODE, LeaseLost, LostAttempts, Refused
from ..models import Attempt, Run, RunStatus, Step, StepStatus
from ..participants.waiting import WOKEN_BY_SWEEP
from ..settings import saga_settings
from . import kept_waits
from .run_ready import RunReady

logger = logging.getLogger(__name__)


def locked(run_id: UUID) -> Run:
    """The run, locked until the transaction ends. Raises Run.DoesNotExist."""
    return Run.objects.select_for_update().get(pk=run_id)


def held(run_id: UUID, position: int, token: UUID) -> tuple[Run, Step]:
    """The run, locked, and the step, if this attempt still holds its lease. Raises LeaseLost if not."""
    run = locked(run_id)
    step = run.steps.filter(position=position, token=token).first()
    if step is None or run.position != position or run.status not in (RunStatus.RUNNING, RunStatus.UNDOING):
        raise LeaseLost(f"{run_id}: the lease on step {position} has passed to another worker.")
    return run, step


def close_attempt(step: Step, outcome: Attempt.Outcome, error: BaseException) -> None:
    """End the attempt: write its outcome and error on the attempt and the step, and release the step's lease."""
    kind, text = type(error).__qualname__[:200], masked(str(error))
    assert step.token is not None, "only a step in hand has an attempt to close"  # noqa: S101
    Attempt.objects.filter(run_id=step.run_id, token=step.token).update(
        outcome=outcome, ended_at=Now(), error_class=kind, error_text=text
    )
    step.token, step.lease_until = None, None
    step.error_class, step.error_text = kind, text
    step.error_code = error.code if isinstance(error, Refused) else ""
    if isinstance(error, LostAttempts):
        step.forgiven += 1  # this claim only found out; nobody was asked


def postpone(run: Run, step: Step, status: StepStatus, delay: timedelta) -> None:
    """Schedule the next attempt after `delay`. The sweep starts it; after a short wait Celery does."""
    step.status = status
    step.next_attempt_at = Now() + delay
    save(step)
    slack = WOKEN_BY_SWEEP if delay <= saga_settings.SHORT_WAIT else timedelta(0)
    forward = run.status == RunStatus.RUNNING
    bound = [run.deadline_at] if forward and run.deadline_at is not None and not passed_pivot(run, step) else []
    run.wake_at = Least(Now() + delay + slack, *bound) if bound else Now() + delay + slack
    if forward and run.cancel_requested_at is None:  # else it says why the run is undone
        run.reason = step.error_text
    run.waits_for, run.row_version = "", F("row_version") + 1
    run.save(update_fields=["wake_at", "reason", "waits_for", "row_version"])


def begin_undo(run: Run, *, code: str, reason: str) -> RunReady | None:
    """Turn the run around: every step that may have happened is to be undone, the last one first.

    Returns the chain to send; None when there is nothing to undo, and the run is compensated already.
    """
    saga = registry.find(run.name, run.version)
    # A worker whose lease on a step ran out can write nothing any more.
    run.steps.filter(token__isnull=False).update(token=None, lease_until=None)
    Attempt.objects.filter(run=run, ended_at=None).update(outcome=Attempt.Outcome.LOST, ended_at=Now())
    due = []
    for step in run.steps.order_by("-position"):
        if _needs_undo(step, saga):
            due.append(step)
            step.status, step.next_attempt_at = StepStatus.UNDO_DUE, None
            step.forgiven = step.granted = step.own_failures = 0
            save(step)
        elif step.status in (StepStatus.WAITING, StepStatus.RUNNING):  # nobody will try it again
            in_doubt = saga.named(step.name).wait is None and may_have_happened(step)
            step.status = StepStatus.IN_DOUBT if in_doubt else StepStatus.PENDING
            step.next_attempt_at = None
            save(step)
    if any(step.wait is not None for step in saga.steps):
        kept_waits.close(run.pk)
    run.code, run.reason = plain(code, LONGEST_CODE), masked(reason)
    run.position = due[0].position if due else -1
    if not due:
        finish(run, RunStatus.COMPENSATED)
        return None
    change(run, RunStatus.UNDOING, wake_at=Now() + saga_settings.PATIENCE)
    return ready(run)


def turn_forward(run: Run, pivot: Step, result: str) -> None:
    """A pivot in doubt did happen, and nothing was undone yet: mark the pivot and all before it as done.

    `result` is JSON. The caller writes the run's new status.
    """
    Attempt.objects.filter(run=run, ended_at=None).update(outcome=Attempt.Outcome.DONE, ended_at=Now())
    due = run.steps.filter(status=StepStatus.UNDO_DUE)
    due.filter(result__isnull=True).exclude(pk=pivot.pk).update(status=StepStatus.PASSED_OVER)
    due.update(status=StepStatus.DONE)
    run.steps.filter(pk=pivot.pk).update(
        status=StepStatus.DONE,
        result=Value(json.loads(result), JSONField()),  # a bare None would be SQL's null
        token=None,
        lease_until=None,
        error_class="",
        error_code="",
        error_text="",
    )
    run.position = pivot.position + 1
    run.code = run.reason = ""


def park(run: Run, *, code: str, reason: str, cause: str = "") -> None:
    """Put the run on a person's desk. `cause` is the code by which the desk groups it, should that not be `code`."""
    asked = run.asks_since is not None
    run.code, run.reason = plain(code, LONGEST_CODE), masked(reason)
    run.desk_since = run.asks_since or Now()
    run.desk_step = step_at(registry.find(run.name, run.version), run.position)
    run.desk_code = plain(cause or code, LONGEST_CODE)
    change(run, RunStatus.STUCK, wake_at=None)
    logger.error("saga.stuck", extra={"key": run.key, "run": str(run.pk), "code": run.code, "reason": run.reason})
    if asked:  # it was on the desk before, for another reason
        tell_host(run, RunStatus.STUCK, RunStatus.STUCK)


def finish(run: Run, status: RunStatus) -> None:
    """End the run."""
    run.finished_at = Now()
    change(run, status, wake_at=None)


def change(run: Run, after: RunStatus, *, wake_at: Any) -> None:
    """Write the run with its new status, and call the host's status hook in the same transaction."""
    before, run.status = run.reported_status, after
    run.wake_at, run.ready_at, run.waits_for, run.asks_since = wake_at, None, "", None
    if after != RunStatus.RUNNING:
        run.queued_at = None
    elif run.queued_at is not None:  # until its turn nobody need look but at its deadline
        run.wake_at = run.deadline_at
    run.rings = 0
    run.updated_at = Now()
    run.row_version = F("row_version") + 1
    run.save()
    run.refresh_from_db(fields=["row_version", "updated_at", "finished_at", "wake_at", "desk_since"])
    if before != after:
        tell_host(run, before, after)


def tell_host(run: Run, before: str, after: str, *, code: str = "", reason: str = "") -> None:
    """Call the host's hook for a changed status; `code` and `reason` are the run's own where none are given."""
    saga = registry.find(run.name, run.version)
    hook = saga.told
    if hook is None:
        return
    try:
        value = codec.decode(saga.input_type, codec.encode(run.input))
    except ValueError:  # the run is parked for this very reason
        value = None
    step = step_at(saga, run.position)
    why = (code or run.code, reason or run.reason)
    told = StatusChange(run.id, run.key, value, before, after, step, *why, run.resolution)
    try:
        with transaction.atomic():
            hook(told)
    except Exception as error:  # a bug of the host, or a row of its own that is gone: no number of tries mends it
        logger.exception("saga.status_hook_failed", extra={"run": str(run.id), "status": after})
        if after != RunStatus.STUCK:
            park(run, code="hook_failed", reason=f"{run.reason} — and the status hook failed: {error}".lstrip(" —"))


def step_at(saga: Saga[Any], position: int) -> str:
    """The name of the step at a position; empty before the first and after the last."""
    return saga.steps[position].name if 0 <= position < len(saga.steps) else ""


def ready(run: Run) -> RunReady:
    """The message that has the run's next chain sent."""
    return RunReady(run.id, run.name, run.version, run.status == RunStatus.UNDOING, run.position)


def leased(step: Step, now: datetime) -> bool:
    """Whether a worker holds a lease on the step."""
    return step.token is not None and step.lease_until is not None and step.lease_until > now


def may_have_happened(step: Step) -> bool:
    """Whether the step's participant was asked and did not surely leave it undone, or somebody says that it is done."""
    if step.status == StepStatus.DONE:  # an operator may have done it, and the engine never asked
        return True
    clean_refusal = step.status == StepStatus.REFUSED and step.attempts - step.forgiven <= 1
    return step.attempts > step.forgiven and not clean_refusal


def passed_pivot(run: Run, step: Step) -> bool:
    """Whether the pivot has been asked for, so that the run can only go forward. `step` is the run's current one."""
    if run.pivot is None or run.position < run.pivot:
        return False
    return run.position > run.pivot or step.attempts > step.forgiven


def save(step: Step) -> None:
    """Write all of a step but its result: a result of None is JSON's null, which Django would make SQL's."""
    step.save(update_fields=[field.name for field in Step._meta.concrete_fields if field.name not in ("id", "result")])


def _needs_undo(step: Step, saga: Saga[Any]) -> bool:
    """A pivot in doubt is due as well: its undo is to ask what became of it."""
    declared: DeclaredStep[Any, Any] = saga.named(step.name)
    if declared.is_pivot and step.status == StepStatus.REFUSED:
        return False
    if step.carried_from is not None:  # its effect is the ended run's, which stands on it
        return False
    return (declared.has_undo or declared.is_pivot) and step.status != StepStatus.UNDONE and may_have_happened(step)
