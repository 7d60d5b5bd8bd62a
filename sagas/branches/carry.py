"""An attempt of a step that starts runs and waits for them, and of its undo.

The attempt holds the step's lease, and the parent's row only while it starts or takes back runs. That a run has ended
wakes it (`waking.py`); should that be lost, it looks again by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from ..declare.context import StepContext, UndoContext
from ..declare.spread import ChildSaga
from ..declare.step import Step
from ..engine.transitions import locked
from ..errors import AwaitsRuns, Refused
from ..models import Child
from ..settings import saga_settings
from .progress import NotYet, Over, Own, Verdict, onward
from .progress import backward as take_back_more
from .start import start_child

LONGEST_LOOK = timedelta(minutes=10)
"""How long a step may wait that was not told of the end of its runs."""


def forward(step: Step[Any, Any], ctx: StepContext[Any]) -> Any:
    """Start what is to be started; returns what the runs came to.

    Raises AwaitsRuns while they are under way, and Refused when one of them was.
    """
    spread = step.spread
    if isinstance(spread, ChildSaga) and not _is_started(ctx.run_id, step):
        _start_child(step, spread, ctx)
    with transaction.atomic():
        verdict = onward(locked(ctx.run_id), step, ctx.input)
    return _outcome(verdict, ctx.attempt)


def backward(step: Step[Any, Any], ctx: UndoContext[Any, Any]) -> None:
    """Take back what was started. Raises AwaitsRuns while that is under way, Refused when a person must see to it."""
    with transaction.atomic():
        verdict = take_back_more(locked(ctx.run_id), step)
    if isinstance(verdict, Own):
        verdict.undo(replace(ctx, result=verdict.ended))
        return
    _outcome(verdict, ctx.attempt)


def look_again_in(attempt: int) -> timedelta:
    """How long the step waits when nobody wakes it: short at first, since a message may be lost at any time."""
    return min(saga_settings.PATIENCE * float(2 ** min(attempt - 1, 20)), LONGEST_LOOK)


def _outcome(verdict: Verdict, attempt: int) -> Any:
    match verdict:
        case Over(result):
            return result
        case Refused():
            raise verdict
        case NotYet(why):
            raise AwaitsRuns(look_again_in(attempt), why)
    raise AssertionError(f"{verdict} is an undo's")


def _start_child(step: Step[Any, Any], spread: ChildSaga, ctx: StepContext[Any]) -> None:
    """The host's function makes the input while no row is locked; whoever comes first starts the child."""
    input = spread.make(ctx)
    key = spread.key(input) if spread.key else ""
    with transaction.atomic():
        run = locked(ctx.run_id)
        if not _is_started(run.pk, step):
            start_child(run, step, input, key)


def _is_started(run_id: UUID, step: Step[Any, Any]) -> bool:
    return Child.objects.filter(parent=run_id, step=step.name).exists()
