"""Cancel a child's run, or undo one that has completed, for its parent, whose row is locked first."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from ..engine.diagnosis import clock
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import begin_undo, leased, locked, passed_pivot
from ..models import Act, Child, Run, RunStatus

ENGINE = "the engine"


def call_off(run_id: UUID, code: str, reason: str) -> None:
    """Have a child that is running undone; an attempt that a worker has in hand is finished first.

    Past its pivot, and once it has ended, it is left alone.
    """
    run = locked(run_id)
    if run.status != RunStatus.RUNNING or run.cancel_requested_at is not None:
        return
    step = run.steps.filter(position=run.position).first()
    if step is None or passed_pivot(run, step):
        return
    before = {"status": run.status, "step": step.name}
    run.cancel_requested_at, run.code, run.reason = Now(), code, reason
    run.save(update_fields=["cancel_requested_at", "code", "reason"])
    if not leased(step, clock()):
        _turn(run, code, reason)
    _note(run, "cancel", reason, before)


def take_back(run_id: UUID, code: str, reason: str) -> None:
    """Undo a child that has completed: only its parent may, and only where its saga has no pivot."""
    run = locked(run_id)
    if run.status != RunStatus.COMPLETED:
        return
    before = {"status": run.status}
    run.finished_at = None
    Child.objects.filter(run=run).update(taken_back_at=Now())
    _turn(run, code, reason)
    _note(run, "take_back", reason, before)


def _turn(run: Run, code: str, reason: str) -> None:
    turned = begin_undo(run, code=code, reason=reason)
    if turned is not None:
        ring_on_commit(turned, run)


def _note(run: Run, verb: str, reason: str, before: dict[str, str]) -> None:
    after = {"status": str(run.status), "cancel_requested": run.cancel_requested_at is not None}
    Act.objects.create(run=run, actor_name=ENGINE, verb=verb, reason=reason, at=Now(), before=before, after=after)
