"""The arguments of steps, undos, hooks and validators.

Their repr leaves out inputs and results, since these may hold what no log line or traceback should show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from uuid import UUID

if TYPE_CHECKING:
    from .best_effort import BestEffortStep
    from .each import EachStep
    from .step import Step

T = TypeVar("T")
R = TypeVar("R")
Earlier = Callable[[str, Any], Any]
Beat = Callable[[float | None, str | None], None]
"""Takes the progress, from 0 to 1, and a note; None for what is as it was."""


def unheard(progress: float | None, note: str | None) -> None:
    """The heartbeat of a context that no worker has made, such as a test's."""


class NotApplied:
    """What a probe returns when the participant does not know the call."""


@dataclass(frozen=True, slots=True)
class StepContext(Generic[T]):
    """One attempt of a step."""

    input: T = field(repr=False)
    run_id: UUID
    key: str
    """The idempotency key for the participant: the same for every attempt of this step of this run."""
    attempt: int
    """Counts from 1, attempts of killed workers and during outages included."""
    timeout: timedelta
    """How long the attempt may take; pass it on to the client that makes the call."""
    earlier: Earlier = field(repr=False)
    item: Any = field(default=None, repr=False)
    """Of a step for each item: its item."""
    beat: Beat = field(default=unheard, repr=False, compare=False)
    notes: Callable[[], str] = field(default=str, repr=False, compare=False)

    def heartbeat(self, progress: float | None = None, note: str | None = None) -> None:
        """Say that the step still works; it may take its `timeout` once more from now on. Call it as often as you like.

        `progress`, from 0 to 1, and `note`, at most 1000 characters, are shown; None leaves them as they are. It writes
        at most once a second, and what is said in between with the next time. Call it outside of a transaction of your
        own. Raises LeaseLost when the step was taken over, or is to be undone: stop then. Raises Unfit for what cannot
        be kept, and where the step does not declare `beats=True`.
        """
        self.beat(progress, note)

    @property
    def last_note(self) -> str:
        """The last note of the attempts before this one; empty where there is none. Reading it costs a statement."""
        return self.notes()

    @overload
    def result_of(self, step: EachStep[T, R]) -> list[R]: ...
    @overload
    def result_of(self, step: BestEffortStep[T, R]) -> R | None: ...
    @overload
    def result_of(self, step: Step[T, R]) -> R: ...
    def result_of(self, step: Step[T, Any]) -> Any:
        """What an earlier step of this run returned; of a step for each item, a list in the order of the items; None
        of a step of best effort that was passed over.

        Raises SagaError if that step is not done.
        """
        return self.earlier(step.name, step.kept_type)


@dataclass(frozen=True, slots=True)
class UndoContext(Generic[T, R]):
    """One attempt of an undo. If its step never took effect, the undo must succeed all the same."""

    input: T = field(repr=False)
    run_id: UUID
    key: str
    """The undo's own idempotency key."""
    step_key: str
    """The idempotency key of the step. Undo by this key, since the step's answer may have been lost."""
    result: R | None = field(repr=False)
    """What the step returned; None when its answer was lost."""
    attempt: int
    timeout: timedelta
    earlier: Earlier = field(repr=False)
    item: Any = field(default=None, repr=False)
    """Of a step for each item: its item."""

    def result_of(self, step: Step[T, Any]) -> Any:
        """What another step of this run returned. Raises SagaError if that step was never done."""
        return self.earlier(step.name, step.kept_type)


@dataclass(frozen=True, slots=True)
class InputChange(Generic[T]):
    """An operator wants to change the input of a run. Nothing is written yet."""

    run_id: UUID
    key: str
    """The run's key."""
    before: T | None = field(repr=False)
    """None when this code cannot read the old input; that may be the reason for the change."""
    after: T = field(repr=False)


@dataclass(frozen=True, slots=True)
class StatusChange(Generic[T]):
    """The status of a run has changed. The hook is called in the same transaction."""

    run_id: UUID
    key: str
    """The run's key."""
    input: T | None = field(repr=False)
    """None when this code cannot read the input; the run is stuck for that reason."""
    before: str
    after: str
    """A value of `sagas.models.RunStatus`."""
    step: str
    """The step at which the status changed; empty at the end of a run."""
    code: str
    """The reason, for programs: the code of Refused, or one of the engine, such as `cancelled` or `deadline`."""
    reason: str
    """The reason, in words."""
    resolution: str
    """How a run that was resolved by hand ended, as the operator says: `completed` or `compensated`; else empty."""
