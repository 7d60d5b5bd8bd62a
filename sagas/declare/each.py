"""A step that is carried out once for each item of the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from .branch import BranchSaga, spreading_step
from .spread import Items
from .step import Step

if TYPE_CHECKING:
    from .context import StepContext
    from .saga import Saga

T = TypeVar("T")
R = TypeVar("R")


class EachStep(Step[T, R]):
    """The step as it is declared, of one item."""

    whole: Step[T, Any]
    """The step of the saga's list: it starts the runs of the items, and returns their results."""

    @property
    def in_list(self) -> Step[T, Any]:
        return self.whole

    @property
    def kept_type(self) -> Any:
        return list[self.result_type]  # type: ignore[name-defined]


class WholeStep(Step[T, Any]):
    """The step of the saga's list, for all items."""

    of: EachStep[T, Any]

    @cached_property
    def result_type(self) -> Any:
        return self.of.kept_type

    @cached_property
    def result_type_in_full(self) -> Any:
        return list[self.of.result_type_in_full]  # type: ignore[name-defined]


def each_step(
    saga: Saga[T],
    run: Callable[[StepContext[T]], R],
    items: Callable[[T], Sequence[Any]],
    at_once: int,
    **options: Any,
) -> EachStep[T, R]:
    """The declared step, the one of the list, and the saga of an item's run. Raises SagaDeclarationError."""
    step: EachStep[T, R] = EachStep(saga, run, len(saga.steps), **options)
    step.whole = spreading_step(saga, step.name, WholeStep, forward_only=saga.pivot_step is not None)
    step.whole.of = step  # type: ignore[attr-defined]
    step.whole.spread = Items(saga=BranchSaga(step), name=step.name, items=items, at_once=at_once)
    return step
