"""What a step, an undo and a hook are given.

Their repr leaves out what the host gave: an input or a result may hold what no log line or traceback should show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from .saga import Step

T = TypeVar("T")
R = TypeVar("R")
Earlier = Callable[[str, Any], Any]


class NotApplied:
    """A probe's answer: the participant knows nothing of the call."""


@dataclass(frozen=True, slots=True)
class StepContext(Generic[T]):
    """One attempt of a step."""

    input: T = field(repr=False)
    run_id: UUID
    key: str
    """Stable for the run and the step, whatever the attempt: what the participant receives as idempotency key."""
    attempt: int
    """From 1; attempts of crashed workers and of outages are counted in."""
    timeout: timedelta
    """How long the step may take in all; hand it to the client that makes the call."""
    earlier: Earlier = field(repr=False)

    def result_of(self, step: Step[T, R]) -> R:
        """What an earlier step of this run returned. Raises SagaError if that step is not done."""
        result: R = self.earlier(step.name, step.result_type)
        return result


@dataclass(frozen=True, slots=True)
class UndoContext(Generic[T, R]):
    """One attempt of an undo. The step it undoes may never have happened; then the undo simply succeeds."""

    input: T = field(repr=False)
    run_id: UUID
    key: str
    """The undo's own idempotency key."""
    step_key: str
    """The key under which the step was asked for: undo by it, since the step's answer may have been lost."""
    result: R | None = field(repr=False)
    """What the step returned; None when its answer was lost."""
    attempt: int
    timeout: timedelta
    earlier: Earlier = field(repr=False)

    def result_of(self, step: Step[T, Any]) -> Any:
        """What another step of this run returned. Raises SagaError if that step was never done."""
        return self.earlier(step.name, step.result_type)


@dataclass(frozen=True, slots=True)
class InputChange(Generic[T]):
    """An operator wants to give a run another input; nothing is written yet."""

    run_id: UUID
    key: str
    """The run's key."""
    before: T | None = field(repr=False)
    """None when this code cannot read it: that may be what is being mended."""
    after: T = field(repr=False)


@dataclass(frozen=True, slots=True)
class StatusChange(Generic[T]):
    """A run's status has changed, in the transaction that the hook is called in."""

    run_id: UUID
    key: str
    """The run's key."""
    input: T | None = field(repr=False)
    """None when this code cannot read it any more; the run is parked for that."""
    before: str
    after: str
    """A value of `sagas.models.RunStatus`."""
    step: str
    """The step at which it happened; empty at the end of a run."""
    code: str
    """Why, for programs: a Refused's code, or one of the engine's own such as `cancelled` or `deadline`."""
    reason: str
    """Why, in words."""
    resolution: str
    """For a run that an operator resolved by hand: `completed` or `compensated`, as the operator says it ended."""
