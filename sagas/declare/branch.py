"""A step that has a run of its own: one of several side by side, or one item of many.

Its run is of a saga that the engine declares, with this step alone, named `trip.book_flight`. What the step's functions
are given speaks of the parent: its input, its id, its results. Which of them are declared is read when the saga is
first used, since decorators follow the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from outbox.retry import Retry

from . import registry, rules
from .context import StatusChange, StepContext, UndoContext
from .saga import Saga
from .spread import Group
from .step import UNDECLARED, Step

if TYPE_CHECKING:
    from ..branches.parents import Parent

T = TypeVar("T")
S = TypeVar("S", bound=Step[Any, Any])
PATIENT = timedelta(seconds=30)
"""How long an attempt that only starts runs, or takes them back, may take."""


@dataclass
class Branch:
    """The input of a branch's run."""

    parent: UUID
    """The id of the parent's run."""
    item: int

    @cached_property
    def of(self) -> Parent:
        """The parent: read once for each claim."""
        from ..branches.parents import parent_of  # it needs Django; a declaration does not

        return parent_of(self.parent)


class BranchSaga(Saga[Branch]):
    """The saga of one step that has a run of its own."""

    is_branch = True

    def __init__(self, step: Step[Any, Any]) -> None:
        parent = step.saga
        self.of, self.parent = step, parent
        self.name, self.version = f"{parent.name}.{step.name}", parent.version
        self.deadline = parent.deadline  # the parent's run keeps it; a branch's own run has none
        self.forward_only = parent.pivot_step is not None
        self.advised = parent.advised
        self.declared, self.before, self.after, self.branches = {}, {}, {}, {}
        self.admin_url = None if parent.admin_url is None else self._admin_url
        self.record_url = None if parent.record_url is None else self._record_url
        self.label = None if parent.label is None else self._label
        self.status_hook = self._changed
        rules.check_saga(self)
        registry.register(self)

    @cached_property
    def input_type(self) -> Any:
        return Branch

    @cached_property
    def steps(self) -> list[Step[Branch, Any]]:  # type: ignore[override] # read when it is first used
        return [_branch_step(self, self.of)]

    @cached_property
    def _by_name(self) -> dict[str, Step[Branch, Any]]:
        return {step.name: step for step in self.steps}

    def _changed(self, change: StatusChange[Branch]) -> None:
        from ..branches.telling import branch_changed

        branch_changed(self, change)

    def _admin_url(self, branch: Branch) -> str:
        return self.parent.admin_url(branch.of.input) if self.parent.admin_url else ""

    def _label(self, branch: Branch) -> str:
        return self.parent.label(branch.of.input) if self.parent.label else ""

    def _record_url(self, branch: Branch, participant: str) -> str:
        return self.parent.record_url(branch.of.input, participant) if self.parent.record_url else ""


class _BranchStep(Step[Branch, Any]):
    """Flower and the logs know it by its saga and its name, which are the branch's saga's name."""

    @property
    def title(self) -> str:
        return self.saga.name


def _branch_step(saga: BranchSaga, of: Step[Any, Any]) -> Step[Branch, Any]:
    """The step of the branch's saga: each function is the declared one, called in the parent's terms."""
    undo: Any = UNDECLARED if of.undo_run is UNDECLARED else None
    if of.has_undo:
        undo = _undoing(of, lambda: of.undo_run)
    step = _BranchStep(
        saga,
        _stepping(of, lambda: of.run, like=of.written),
        0,
        of.participant,
        of.timeout,
        of.retry,
        of.undo_retry,
        None if of.unless is None else lambda branch: bool(of.unless and of.unless(branch.of.input)),
        local=of.local,
        undo_run=None if saga.forward_only else undo,
        best_effort=of.best_effort,
        beats=of.beats,
    )
    step.probe_run = _stepping(of, lambda: of.probe_run) if of.probe_run else None
    step.recorded_run = _stepping(of, lambda: of.recorded_run) if of.recorded_run else None
    step.undone_run = _undoing(of, lambda: of.undone_run) if of.undone_run else None
    step.awaiting_run = _stepping(of, lambda: of.awaiting_run) if of.awaiting_run else None
    step.validator_run = _stepping(of, lambda: of.validator_run) if of.validator_run else None
    step.expected_run = _stepping(of, lambda: of.expected_run) if of.expected_run else None
    step.differs = of.differs
    return step


def _stepping(of: Step[Any, Any], function: Callable[[], Any], like: Any = None) -> Callable[..., Any]:
    def call(ctx: StepContext[Branch], *others: Any) -> Any:
        from ..branches.contexts import step_context

        return function()(step_context(ctx, of), *others)

    return call if like is None else update_wrapper(call, like)


def _undoing(of: Step[Any, Any], function: Callable[[], Any]) -> Callable[[UndoContext[Branch, Any]], None]:
    def call(ctx: UndoContext[Branch, Any]) -> None:
        from ..branches.contexts import undo_context

        function()(undo_context(ctx, of))

    return call


# --- The step of the parent's list ---------------------------------------------------------------------------------


def group_step(saga: Saga[T], sagas: Sequence[BranchSaga], after: Sequence[frozenset[int]]) -> Step[T, Any]:
    """The step of the list that runs these side by side; `after` says by number which come after which."""
    names = tuple(one.of.name for one in sagas)
    step = spreading_step(saga, group_name(names), Step, forward_only=sagas[0].forward_only)
    step.spread = Group(sagas=tuple(sagas), names=names, after=tuple(after))
    return step


def group_name(names: Sequence[str]) -> str:
    """`book_flight+book_hotel`, or the first name and how many more where that is too long."""
    whole = "+".join(names)
    return whole if len(whole) <= rules.LONGEST_NAME else f"{names[0][: rules.LONGEST_NAME - 12]}+{len(names) - 1}_more"


def spreading_step(saga: Saga[T], name: str, kind: Callable[..., S], *, forward_only: bool, **given: Any) -> S:
    """A step that starts runs and waits for them, and whose undo takes them back; its `spread` is still to be set."""

    def run(ctx: StepContext[Any]) -> Any:
        from ..branches.carry import forward

        return forward(step, ctx)

    def undo(ctx: UndoContext[Any, Any]) -> None:
        from ..branches.carry import backward

        backward(step, ctx)

    run.__name__ = run.__qualname__ = name
    run.__annotations__["return"] = None
    step = kind(
        saga,
        run,
        len(saga.steps),
        participant="",
        timeout=PATIENT,
        retry=given.pop("retry", Retry()),
        undo_retry=given.pop("undo_retry", Retry()),
        undo_run=None if forward_only else undo,
        **given,
    )
    return step
