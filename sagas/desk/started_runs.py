"""What the acts have to do with the runs that a run has started: its branches share its fate, others are in its way.

The lock order is parent, then child.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from ..declare.saga import Saga
from ..declare.spread import Items
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import change, ready
from ..errors import WrongState
from ..models import OPEN, Child, Run, RunStatus
from .acts import DoesNotFit, save_field


def open_children(run: Run) -> QuerySet[Run]:
    """The runs that this one has started and that have not ended."""
    return Run.objects.filter(parenthood__parent=run, status__in=OPEN).order_by("pk")


def refuse_open_children(run: Run, verb: str) -> None:
    """Raise WrongState while runs that this one has started are open: they would go on with nobody who waits."""
    count = open_children(run).count()
    if count:
        what = f"waiting for {count} run{'s' * (count > 1)} that it has started"
        raise WrongState(verb, what, "Act on those, which its page lists; this run goes on when they have ended.")


def refuse_branch(run: Run, verb: str) -> None:
    """Raise WrongState for a branch, which is a part of its parent's run."""
    if run.is_branch:
        raise WrongState(verb, "a branch of another run", "Do it to that one, which its page names.")


def refuse_other_items(run: Run, saga: Saga[Any], before: Any, after: Any) -> None:
    """Raise DoesNotFit when the new input has other items than those that are being carried out."""
    started = set(Child.objects.filter(parent=run).values_list("step", flat=True))
    for step in saga.steps:
        if isinstance(step.spread, Items) and step.name in started:
            old = None if before is None else list(step.spread.items(before))
            if old != list(step.spread.items(after)):
                raise DoesNotFit(f"{step.name} has begun with the items of the old input; the new one has others.")


def pause_branches(run: Run) -> None:
    """Pause the branches of a run that has just been paused; `run` is locked."""
    for branch in _branches(run).filter(paused_at=None).exclude(status=RunStatus.STUCK):
        branch.paused_at = run.paused_at
        save_field(branch, "paused_at")


def resume_branches(run: Run, paused_at: datetime) -> None:
    """Resume the branches that were paused with the run; `run` is locked."""
    for branch in _branches(run).filter(paused_at=paused_at):
        branch.paused_at = None
        if branch.status == RunStatus.STUCK:
            change(branch, RunStatus.STUCK, wake_at=None)
            continue
        change(branch, RunStatus(branch.status), wake_at=Now())
        ring_on_commit(ready(branch), branch)


def _branches(run: Run) -> QuerySet[Run]:
    return open_children(run).filter(is_branch=True).select_for_update()
