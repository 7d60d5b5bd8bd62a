"""What is known of a run's steps, and what is in doubt: for who has to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..engine.transitions import may_have_happened
from ..models import Step, StepStatus
from .labels import Badge, readable

HAPPENED = Badge("✓", "ok", "Took effect")
IN_DOUBT = Badge("?", "bad", "In doubt: asked for, and nobody knows whether it took effect")
NOT_UNDONE = Badge("↩", "wait", "To be undone: may still be in effect")
UNDONE = Badge("↺", "calm", "Undone")
NOT_BEGUN = Badge("·", "calm", "Surely without effect")
UNDOING = (StepStatus.UNDO_DUE, StepStatus.UNDOING, StepStatus.UNDO_WAITING, StepStatus.UNDO_FAILED)


@dataclass(frozen=True, slots=True)
class Known:
    """Steps of which the same is known, in order of running; their names are for people."""

    badge: Badge
    steps: list[str]


def known_of(steps: Sequence[Step]) -> list[Known]:
    """What the steps' rows say, what is in doubt first; what holds for no step is left out."""
    found = [Known(badge, []) for badge in (IN_DOUBT, NOT_UNDONE, HAPPENED, UNDONE, NOT_BEGUN)]
    for step in steps:
        badge = _badge_of(step)
        next(one for one in found if one.badge is badge).steps.append(readable(step.name))
    return [one for one in found if one.steps]


def _badge_of(step: Step) -> Badge:
    if step.status in UNDOING:
        return NOT_UNDONE
    if step.status == StepStatus.DONE:
        return HAPPENED
    if step.status == StepStatus.UNDONE:
        return UNDONE
    return IN_DOUBT if may_have_happened(step) else NOT_BEGUN
