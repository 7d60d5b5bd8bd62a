"""What follows for a parent from the status of a run that it has started; called in the transaction that writes it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ..declare.branch import Branch, BranchSaga
from ..declare.context import StatusChange
from ..models import ON_DESK, Child, Run, RunStatus
from .child_ended import tell_parent

TELLING = {RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.RESOLVED, RunStatus.STUCK}
"""The statuses that a parent waits for, or shows."""


def child_changed(change: StatusChange[Any]) -> None:
    """The status of a run of a saga that others start has changed; the run may be nobody's child."""
    if not _matters(change):
        return
    parent = Child.objects.filter(run=change.run_id).values_list("parent", flat=True).first()
    if parent is not None:
        tell_parent(parent)


def branch_changed(saga: BranchSaga, change: StatusChange[Branch]) -> None:
    """The status of a branch's run has changed."""
    if change.input is None or not _matters(change):
        return
    tell_parent(change.input.parent)
    if RunStatus.STUCK in (change.before, change.after):
        _tell_host(saga, change, change.input)


def _matters(change: StatusChange[Any]) -> bool:
    return bool({change.before, change.after} & TELLING) and change.before != change.after


def _tell_host(saga: BranchSaga, change: StatusChange[Branch], branch: Branch) -> None:
    """A branch that needs a person is the parent's step that does, to the host; so when none does any more."""
    hook = saga.parent.status_hook
    if hook is None or (change.after != RunStatus.STUCK and _others_ask(branch.parent, change.run_id)):
        return
    parent = branch.of
    moving = Run.objects.values_list("status", flat=True).get(pk=branch.parent)
    before, after = (moving, change.after) if change.after == RunStatus.STUCK else (change.before, moving)
    told = (parent.run_id, parent.key, parent.input, before, after, saga.of.name, change.code, change.reason, "")
    hook(StatusChange(*told))


def _others_ask(parent: UUID, run_id: UUID) -> bool:
    return Run.objects.filter(ON_DESK, parenthood__parent=parent, is_branch=True).exclude(pk=run_id).exists()
