"""The steps of a run as a graph: which come after which, and what a box says of one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..declare.step import Step as Declared
from ..models import Step
from .diagram import undo_of
from .labels import readable


def edges_of(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """(one, other): `other` comes after `one`. Steps run in their order, each after the one before it."""
    return list(pairwise(step.name for step in sorted(steps, key=lambda step: step.position)))


def undo_words(step: Declared[Any, Any]) -> str:
    """`undo: release stock`, or why there is none; empty for the pivot, which says of itself that it has none."""
    if step.is_pivot:
        return ""
    return f"undo: {readable(undo_of(step)).lower()}" if step.has_undo else undo_of(step)


def tries(step: Step) -> list[str]:
    """How often it was tried, and its undo: `2 attempts`, `1 to undo`; nothing for what was not tried."""
    found = [f"{step.attempts} {'attempt' if step.attempts == 1 else 'attempts'}"] if step.attempts else []
    return [*found, f"{step.undo_attempts} to undo"] if step.undo_attempts else found
