"""Hides secrets in what the pages show of inputs and results. What is stored, and what steps read, stays as it is."""

from __future__ import annotations

from typing import Any

from ..models import Run
from ..settings import is_masked

MASK = "••••••"


def masked(value: Any) -> Any:
    """A JSON value with each field hidden whose name contains a word of SAGAS_MASKED, in any case."""
    if isinstance(value, dict):
        return {name: MASK if _is_secret(name, one) else masked(one) for name, one in value.items()}
    if isinstance(value, list):
        return [masked(one) for one in value]
    return value


def _is_secret(name: str, value: Any) -> bool:
    """Whether the field has a value to hide: who looks for a missing one must see that it is missing."""
    return value not in (None, "") and is_masked(name)


def attributes_of(run: Run) -> list[tuple[str, str]]:
    """What the run is found by, as people see it."""
    return [(one.name, MASK if is_masked(one.name) else one.value) for one in run.attributes.all()]
