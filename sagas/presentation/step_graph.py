"""The steps of a run as a graph: which come after which, and what a box says of one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..declare.step import Step as Declared
from ..errors import SagaError
from ..models import Run, Step
from .diagram import undo_of
from .labels import readable
from .started_runs import graph_of


def edges_of(run: Run, steps: Sequence[Step]) -> list[tuple[str, str]]:
    """(one, other): `other` comes directly after `one`, as this code declares it.

    Each comes after the one before it where this code does not declare the saga, or declares other steps.
    """
    names = [step.name for step in steps]
    try:
        declared, edges = graph_of(run.name, run.version)
    except SagaError:
        declared, edges = [], []
    return edges if set(declared) == set(names) else list(pairwise(names))


def undo_words(step: Declared[Any, Any]) -> str:
    """`undo: release stock`, or why there is none; empty for the pivot, which says of itself that it has none."""
    if step.is_pivot:
        return ""
    return f"undo: {readable(undo_of(step)).lower()}" if step.has_undo else undo_of(step)


def tries(step: Step) -> list[str]:
    """How often it was tried, and its undo: `2 attempts`, `1 to undo`; nothing for what was not tried."""
    found = [f"{step.attempts} {'attempt' if step.attempts == 1 else 'attempts'}"] if step.attempts else []
    return [*found, f"{step.undo_attempts} to undo"] if step.undo_attempts else found
