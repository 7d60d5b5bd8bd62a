"""A step that starts a run of another saga, and waits for its end."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from . import rules
from .branch import spreading_step
from .context import StatusChange, StepContext, UndoContext
from .ended import Ended
from .spread import ChildSaga
from .step import Step

if TYPE_CHECKING:
    from .saga import Saga

T = TypeVar("T")
C = TypeVar("C")


class ChildStep(Step[T, Ended]):
    """The step; what it returns is its child's end."""

    @cached_property
    def result_type(self) -> Any:
        return Ended

    @cached_property
    def result_type_in_full(self) -> Any:
        return Ended

    def undo(self, function: Callable[[UndoContext[T, Ended]], None]) -> Callable[[UndoContext[T, Ended]], None]:
        """Declare how to undo the step when the child has completed, for example by starting a return.

        The child is not undone by the engine then. A child that has not completed is cancelled all the same.
        """
        spread = self.spread
        assert isinstance(spread, ChildSaga), "child_step sets it"  # noqa: S101
        rules.check_undo(self, declared=spread.own_undo is not None)
        rules.check_function(f"{self.title}: the undo", function, takes="ctx")
        spread.own_undo = function
        return function


def child_step(
    saga: Saga[T],
    child: Saga[C],
    make: Callable[[StepContext[T]], C],
    key: Callable[[C], str] | None,
    **options: Any,
) -> ChildStep[T]:
    """The step of the list. Raises SagaDeclarationError."""
    rules.check_child(saga, child)
    rules.check_step_name(saga, make)
    rules.check_function(f"{saga.name}.{make.__name__}", make, takes="ctx")
    step: ChildStep[T] = spreading_step(
        saga, make.__name__, ChildStep, forward_only=saga.pivot_step is not None, **options
    )
    step.spread = ChildSaga(saga=child, name=step.name, make=make, key=key)
    child.child_hook = _child_changed
    return step


def _child_changed(change: StatusChange[Any]) -> None:
    from ..branches.telling import child_changed  # it needs Django; a declaration does not

    child_changed(change)
