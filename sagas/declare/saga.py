"""How a saga is declared: reading order is running order, and the undo sits under its step.

Nothing here needs Django or a database, so a declaration can be imported and its functions called in a plain test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, get_args, get_type_hints, overload

from outbox.retry import Retry

from ..errors import Awaits, SagaDeclarationError
from . import registry, rules
from .context import InputChange, NotApplied, StatusChange, StepContext, UndoContext

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")
R = TypeVar("R")

UNDECLARED: Final[Any] = object()
DEFAULT_TIMEOUT = timedelta(seconds=10)


@dataclass(eq=False)
class Step(Generic[T, R]):
    """One step of a saga. Still callable as the plain function it was, for tests."""

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
    name: str = field(init=False)

    def __post_init__(self) -> None:
        rules.of_name(self.saga, self.run)
        self.name = self.run.__name__

    def __call__(self, ctx: StepContext[T]) -> R:
        return self.run(ctx)

    def undo(self, function: Callable[[UndoContext[T, R]], None]) -> Callable[[UndoContext[T, R]], None]:
        """Declare how to undo the step, by `ctx.step_key`; undoing what never happened must succeed."""
        rules.of_undo(self, declared=self.undo_run is not UNDECLARED)
        rules.of_function(f"{self.title}: the undo", function, takes="ctx")
        self.undo_run = function
        return function

    def probe(self, function: Callable[[StepContext[T]], R | NotApplied]) -> Callable[[StepContext[T]], R | NotApplied]:
        """Declare how to ask the participant what became of a call whose answer was lost; it must change nothing."""
        rules.of_probe(self)
        rules.of_function(f"{self.title}: the probe", function, takes="ctx")
        self.probe_run = function
        return function

    def recorded(self, function: Callable[[StepContext[T], R], None]) -> Callable[[StepContext[T], R], None]:
        """Declare what of the host's own is written in the transaction that records the step as done."""
        rules.of_second(self.title, "recorded hook", self.recorded_run)
        rules.of_function(f"{self.title}: the recorded hook", function, takes="ctx, result")
        self.recorded_run = function
        return function

    def undone(self, function: Callable[[UndoContext[T, R]], None]) -> Callable[[UndoContext[T, R]], None]:
        """Declare what of the host's own is written in the transaction that records the step as undone."""
        rules.of_second(self.title, "undone hook", self.undone_run)
        rules.of_function(f"{self.title}: the undone hook", function, takes="ctx")
        self.undone_run = function
        return function

    def awaiting(self, function: Callable[[StepContext[T], Awaits], None]) -> Callable[[StepContext[T], Awaits], None]:
        """Declare what of the host's own is written in the transaction that records that the step raised Awaits.

        It is called each time that the step is looked at and still has to wait.
        """
        rules.of_second(self.title, "awaiting hook", self.awaiting_run)
        rules.of_function(f"{self.title}: the awaiting hook", function, takes="ctx, awaits")
        self.awaiting_run = function
        return function

    def validator(self, function: Callable[[StepContext[T], R], None]) -> Callable[[StepContext[T], R], None]:
        """Declare what a result that an operator gives must agree with, such as the amount that the run owes.

        It raises ValueError with words for the operator, both figures among them; then nothing is done. What the step
        itself returns is not held against it: that is the step's to judge.
        """
        rules.of_second(self.title, "validator", self.validator_run)
        rules.of_function(f"{self.title}: the validator", function, takes="ctx, result")
        self.validator_run = function
        return function

    @property
    def has_undo(self) -> bool:
        return self.undo_run is not UNDECLARED and self.undo_run is not None

    @property
    def title(self) -> str:
        """The name that Flower shows."""
        return f"{self.saga.name}.{self.name}"

    @cached_property
    def result_type(self) -> Any:
        """The annotated return type; Any where there is none."""
        return get_type_hints(self.run).get("return", Any)


class Saga(Generic[T]):
    """A declared sequence of steps over an input of type T: `Saga[Checkout]("checkout", version=1)`."""

    def __init__(
        self,
        name: str,
        *,
        version: int = 1,
        deadline: timedelta | None = None,
        admin_url: Callable[[T], str] | None = None,
    ) -> None:
        """`deadline`: a run that has not claimed its pivot by then is undone. `admin_url`: where the admin links the
        subject of a run. Raises SagaDeclarationError if the name and version are taken, or cannot be kept."""
        from ..hosting import refuse_missing_apps  # it needs Django; what it says only counts where Django is set up

        refuse_missing_apps()
        self.name = name
        self.version = version
        self.deadline = deadline
        self.admin_url = admin_url
        self.steps: list[Step[T, Any]] = []
        self.status_hook: Callable[[StatusChange[T]], None] | None = None
        self.validator_run: Callable[[InputChange[T]], None] | None = None
        self.advised: dict[str, str] = {}
        rules.of_saga(self)
        registry.register(self)

    @overload
    def step(self, function: Callable[[StepContext[T]], R], /) -> Step[T, R]: ...
    @overload
    def step(
        self,
        /,
        *,
        participant: str = "",
        timeout: timedelta = ...,
        retry: Retry = ...,
        undo_retry: Retry = ...,
        undo: None = ...,
        unless: Callable[[T], bool] | None = None,
        local: bool = False,
    ) -> Callable[[Callable[[StepContext[T]], R]], Step[T, R]]: ...
    def step(
        self,
        function: Callable[[StepContext[T]], R] | None = None,
        /,
        *,
        participant: str = "",
        timeout: timedelta = DEFAULT_TIMEOUT,
        retry: Retry = Retry(),  # noqa: B008 - a frozen value
        undo_retry: Retry = Retry(),  # noqa: B008
        undo: None = UNDECLARED,
        unless: Callable[[T], bool] | None = None,
        local: bool = False,
    ) -> Step[T, R] | Callable[[Callable[[StepContext[T]], R]], Step[T, R]]:
        """Declare the next step.

        `timeout` bounds one attempt; `undo=None` says that there is nothing to undo; `unless` says for which inputs the
        step and its undo ask the participant nothing, and so do not wait for one that is away; `local=True` says that
        the step only touches our own database: it runs inside the recording transaction, exactly once.
        """

        rules.of_undo_option(self, None if undo is UNDECLARED else undo)

        def add(run: Callable[[StepContext[T]], R]) -> Step[T, R]:
            made: Step[T, R] = Step(
                self, run, len(self.steps), participant, timeout, retry, undo_retry, unless, local=local, undo_run=undo
            )
            return self._add(made)

        return add if function is None else add(function)

    def pivot(
        self,
        function: None = None,
        /,
        *,
        participant: str = "",
        timeout: timedelta = DEFAULT_TIMEOUT,
        retry: Retry = Retry(),  # noqa: B008
        unless: Callable[[T], bool] | None = None,
    ) -> Callable[[Callable[[StepContext[T]], R]], Step[T, R]]:
        """Declare the next step as the point of no return: before it a saga can be undone, after it only completed."""
        rules.refuse_unless(function is None, f"Write @{self.name}.pivot() with its parentheses.")

        def add(run: Callable[[StepContext[T]], R]) -> Step[T, R]:
            if self.pivot_step is not None:
                raise SagaDeclarationError(
                    f"{self.name} has two pivots, {self.pivot_step.name} and {run.__name__}. "
                    "A saga has one point of no return; make the other a plain step."
                )
            made: Step[T, R] = Step(
                self, run, len(self.steps), participant, timeout, retry, retry, unless, is_pivot=True, undo_run=None
            )
            return self._add(made)

        return add

    def status_changed(self, function: Callable[[StatusChange[T]], None]) -> Callable[[StatusChange[T]], None]:
        """Declare what of the host's own is written whenever a run's status changes, in the same transaction."""
        rules.of_second(self.name, "status hook", self.status_hook)
        rules.of_function(f"{self.name}: the status hook", function, takes="change")
        self.status_hook = function
        return function

    def validator(self, function: Callable[[InputChange[T]], None]) -> Callable[[InputChange[T]], None]:
        """Declare what an input that an operator gives a run must agree with, such as what the host's own row says.

        It raises ValueError with words for the operator, both figures among them; then nothing is done.
        """
        rules.of_second(self.name, "validator", self.validator_run)
        rules.of_function(f"{self.name}: the validator", function, takes="change")
        self.validator_run = function
        return function

    def advice(self, words: Mapping[str, str]) -> None:
        """Declare, for codes of Refused, what a person is to do when a run is stuck with it: shown on the desk.

        Raises SagaDeclarationError for a code that has its advice already, and for an empty one.
        """
        rules.of_advice(self, words)
        self.advised.update(words)

    def start(self, input: T, *, key: str, subject: str = "") -> UUID:
        """Accept a run, in the caller's transaction; the same key gives the same run. Returns the run's id.

        `subject` is what people search the run by, such as an order number. Raises NotInTransaction outside `atomic()`,
        and Unfit when the input is not what the saga is about, or the key or the subject is too long.
        """
        from ..hosting import refuse_missing_apps

        refuse_missing_apps()
        from ..engine.commands import start  # the engine needs Django; a declaration does not

        return start(self, input, key=key, subject=subject)

    def cancel(self, key: str, *, reason: str, actor: str, code: str = "cancelled") -> None:
        """Have the run of that key undone, unless its pivot has been asked for: then TooLate is raised.

        `reason` and `actor` are words for the record; `code`, of at most 100 characters, is what hooks are told. Call
        it before locking anything of your own: the engine locks the run first, everywhere.
        """
        from ..engine.commands import cancel

        cancel(self, key, reason=reason, actor=actor, code=code)

    def wake(self, key: str, *, step: str = "") -> bool:
        """Have a run that waits looked at now: what it waits for has happened, as far as the caller knows.

        Returns whether it waited, in `step` if one is named. A step that a worker has in hand is looked at once more
        when that attempt leaves it waiting. A run that waits for a participant that is away, is paused or has ended is
        left alone, and so is a key without a run.
        """
        from ..engine.commands import wake

        return wake(self, key, step)

    def named(self, name: str) -> Step[T, Any]:
        """The step of that name. Raises KeyError."""
        return self._by_name[name]

    @property
    def pivot_step(self) -> Step[T, Any] | None:
        return next((step for step in self.steps if step.is_pivot), None)

    @cached_property
    def input_type(self) -> Any:
        """The T in `Saga[T](…)`."""
        arguments = get_args(getattr(self, "__orig_class__", None))
        if not arguments:
            raise SagaDeclarationError(f'Say what {self.name} is about: Saga[YourInput]("{self.name}").')
        return arguments[0]

    def _add(self, step: Step[T, R]) -> Step[T, R]:
        if step.name in self._by_name:
            raise SagaDeclarationError(f"{self.name} has two steps named {step.name}; rename one.")
        rules.of_step(step)
        self.steps.append(step)
        self._by_name[step.name] = step
        return step

    @cached_property
    def _by_name(self) -> dict[str, Step[T, Any]]:
        return {}
