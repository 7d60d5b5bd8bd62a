"""A step whose failure holds nothing: the run passes over it."""

from __future__ import annotations

from typing import TypeVar

from .step import Step

T = TypeVar("T")
R = TypeVar("R")


class BestEffortStep(Step[T, R]):
    """A type of its own, so that `result_of` is known to return None where the step was passed over."""
