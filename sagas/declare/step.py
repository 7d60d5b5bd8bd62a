"""A declared step, and what is declared of it: its undo, its probe, its hooks, what is known of its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, get_type_hints

from outbox.retry import Retry

from ..errors import Awaits
from . import rules
from .context import NotApplied, StepContext, UndoContext

if TYPE_CHECKING:
    from .saga import Saga
    from .spread import Spread
    from .waits import Wait

T = TypeVar("T")
R = TypeVar("R")

Differs = Literal["refuse", "second person"]
Known = Callable[[StepContext[T]], Any]
UNDECLARED: Final[Any] = object()


@dataclass(eq=False)
class Step(Generic[T, R]):
    """A declared step. Tests can call it like the plain function that it decorates."""

    saga: Saga[T]
    run: Callable[[StepContext[T]], R]
    position: int
    participant: str
    timeout: timedelta
    retry: Retry
    undo_retry: Retry
    unless: Callable[[T], bool] | None = None
    is_pivot: bool = False
    local: bool = False
    undo_run: Callable[[UndoContext[T, R]], None] | None = UNDECLARED
    probe_run: Callable[[StepContext[T]], R | NotApplied] | None = None
    recorded_run: Callable[[StepContext[T], R], None] | None = None
    undone_run: Callable[[UndoContext[T, R]], None] | None = None
    awaiting_run: Callable[[StepContext[T], Awaits], None] | None = None
    validator_run: Callable[[StepContext[T], R], None] | None = None
    expected_run: Callable[[StepContext[T]], Any] | None = None
    differs: Differs = "refuse"
    sent_back_run: Callable[[StepContext[T], str], None] | None = None
    wait: Wait | None = None
    """What the step waits for, where it is one that waits."""
    spread: Spread | None = None
    """The runs that the step starts and waits for."""
    best_effort: bool = False
    """Its failure does not hold the run, which passes over it."""
    beats: bool = False
    """It calls `ctx.heartbeat`: its timeout counts from the last beat."""
    name: str = field(init=False)
    written: Callable[[StepContext[T]], R] = field(init=False, repr=False)
    """The function as it was declared, whose annotations count; a test may put another in the place of `run`."""

    def __post_init__(self) -> None:
        rules.check_step_name(self.saga, self.run)
        self.name, self.written = self.run.__name__, self.run

    def __call__(self, ctx: StepContext[T]) -> R:
        return self.run(ctx)

    def undo(self, function: Callable[[UndoContext[T, R]], None]) -> Callable[[UndoContext[T, R]], None]:
        """Declare how to undo the step, by `ctx.step_key`. It must succeed also when the step never took effect."""
        rules.check_undo(self, declared=self.undo_run is not UNDECLARED)
        rules.check_function(f"{self.title}: the undo", function, takes="ctx")
        self.undo_run = function
        return function

    def probe(self, function: Callable[[StepContext[T]], R | NotApplied]) -> Callable[[StepContext[T]], R | NotApplied]:
        """Declare how to ask the participant whether a call with a lost answer took effect. It must only read."""
        rules.check_probe(self)
        rules.check_function(f"{self.title}: the probe", function, takes="ctx")
        self.probe_run = function
        return function

    def recorded(self, function: Callable[[StepContext[T], R], None]) -> Callable[[StepContext[T], R], None]:
        """Declare the host's own writes, in the transaction that records the step as done."""
        rules.check_declared_once(self.title, "recorded hook", self.recorded_run)
        rules.check_function(f"{self.title}: the recorded hook", function, takes="ctx, result")
        self.recorded_run = function
        return function

    def undone(self, function: Callable[[UndoContext[T, R]], None]) -> Callable[[UndoContext[T, R]], None]:
        """Declare the host's own writes, in the transaction that records the step as undone."""
        rules.check_declared_once(self.title, "undone hook", self.undone_run)
        rules.check_function(f"{self.title}: the undone hook", function, takes="ctx")
        self.undone_run = function
        return function

    def awaiting(self, function: Callable[[StepContext[T], Awaits], None]) -> Callable[[StepContext[T], Awaits], None]:
        """Declare the host's own writes, in the transaction that records that the step raised Awaits.

        The hook is called each time that the step runs again and still has to wait.
        """
        rules.check_declared_once(self.title, "awaiting hook", self.awaiting_run)
        rules.check_function(f"{self.title}: the awaiting hook", function, takes="ctx, awaits")
        self.awaiting_run = function
        return function

    def sent_back(self, function: Callable[[StepContext[T], str], None]) -> Callable[[StepContext[T], str], None]:
        """Declare the host's own writes when a person sends the run back, given their words; of an approval only."""
        rules.require(
            self.wait is not None and bool(self.wait.back_to),
            f"{self.title} is never sent back: only an approval with back_to is. Remove its hook.",
        )
        rules.check_declared_once(self.title, "sent-back hook", self.sent_back_run)
        rules.check_function(f"{self.title}: the sent-back hook", function, takes="ctx, words")
        self.sent_back_run = function
        return function

    def validator(self, function: Callable[[StepContext[T], R], None]) -> Callable[[StepContext[T], R], None]:
        """Declare a check of a result that an operator gives, such as the amount that the run owes.

        The validator raises ValueError with a message for the operator that names both figures; then nothing is done.
        It does not check what the step itself returns.
        """
        rules.check_declared_once(self.title, "validator", self.validator_run)
        rules.check_function(f"{self.title}: the validator", function, takes="ctx, result")
        self.validator_run = function
        return function

    def expected(self, *, differs: Differs = "refuse") -> Callable[[Known[T]], Known[T]]:
        """Declare what the host knows of the result that an operator should give, such as the amount that is owed.

        The function returns it as far as it is known: a dict with the known fields of a result that is an object, else
        the result itself. The operator's form is filled in with it. A result that differs is refused, with the
        difference in words, or, with `differs="second person"`, needs another person who confirms it. What the step
        itself returns is not compared.
        """
        rules.require(differs in ("refuse", "second person"), f"{self.title}: differs={differs!r} is no known answer.")

        def add(function: Known[T]) -> Known[T]:
            rules.check_declared_once(self.title, "expected result", self.expected_run)
            rules.check_function(f"{self.title}: the expected result", function, takes="ctx")
            self.expected_run, self.differs = function, differs
            return function

        return add

    @property
    def in_list(self) -> Step[T, Any]:
        """The step of the saga's list that carries this one out, where it has a place of its own there."""
        return self

    @property
    def has_undo(self) -> bool:
        return self.undo_run is not UNDECLARED and self.undo_run is not None

    @property
    def title(self) -> str:
        """`<saga>.<step>`, as Flower shows it."""
        return f"{self.saga.name}.{self.name}"

    @cached_property
    def result_type(self) -> Any:
        """The annotated return type; Any when there is none."""
        return get_type_hints(self.written).get("return", Any)

    @property
    def kept_type(self) -> Any:
        """What `result_of` returns of it: of a step for each item, a list."""
        return self.result_type

    @cached_property
    def result_type_in_full(self) -> Any:
        """The same with what is `Annotated`, such as `MinorUnits`."""
        return get_type_hints(self.written, include_extras=True).get("return", Any)
