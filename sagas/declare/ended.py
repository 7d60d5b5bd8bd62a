"""What a parent's step returns of the child that it has started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from .step import Step

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Ended:
    """A child's run that has completed."""

    run_id: UUID
    key: str
    """The child's key."""
    status: str
    """`completed`, or `resolved` where an operator closed it as completed."""

    def result_of(self, step: Step[Any, R]) -> R:
        """What a step of the child returned. Raises SagaError if that step is not done."""
        from ..branches.results import result_of  # it needs Django; a declaration does not

        result: R = result_of(self.run_id, step)
        return result
