"""How a saga is declared: steps run in the order in which they are written, and each undo follows its step.

Nothing here needs Django or a database, so that a plain test can import a declaration and call its functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, get_args, get_type_hints, overload

from outbox.retry import Retry

from ..errors import Awaits, SagaDeclarationError
from . import registry, rules
from .context import InputChange, NotApplied, StatusChange, StepContext, UndoContext
from .stake import Stake

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")
R = TypeVar("R")

Differs = Literal["refuse", "second person"]
Known = Callable[[StepContext[T]], Any]
UNDECLARED: Final[Any] = object()
DEFAULT_TIMEOUT = timedelta(seconds=10)


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

    @cached_property
    def result_type_in_full(self) -> Any:
        """The same with what is `Annotated`, such as `MinorUnits`."""
        return get_type_hints(self.written, include_extras=True).get("return", Any)


class Saga(Generic[T]):
    """A sequence of steps over an input of type T: `Saga[Checkout]("checkout", version=1)`."""

    def __init__(
        self,
        name: str,
        *,
        version: int = 1,
        deadline: timedelta | None = None,
        admin_url: Callable[[T], str] | None = None,
        record_url: Callable[[T, str], str] | None = None,
        stake: Callable[[T], Stake | None] | None = None,
    ) -> None:
        """`deadline`: a run that has not claimed its pivot within this time is undone. `admin_url`: the admin page of a
        run's subject, from its input. `record_url`: where a participant shows what it knows of it, from the input and
        the participant's name; "" for none. `stake`: the value at stake in a run, from its input, or None; kept with
        the run. Raises SagaDeclarationError when name and version are taken or do not fit.
        """
        from ..hosting import refuse_missing_apps  # it needs Django; what it says only counts where Django is set up

        refuse_missing_apps()
        self.name = name
        self.version = version
        self.deadline = deadline
        self.admin_url = admin_url
        self.record_url = record_url
        self.stake = stake
        self.steps: list[Step[T, Any]] = []
        self.status_hook: Callable[[StatusChange[T]], None] | None = None
        self.validator_run: Callable[[InputChange[T]], None] | None = None
        self.advised: dict[str, str] = {}
        rules.check_saga(self)
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

        `timeout` limits one attempt. `undo=None` says that there is nothing to undo. `unless` is true for inputs for
        which the step and its undo do not call the participant; they do not wait for one that is away. `local=True`
        says that the step uses only our own database: it runs in the transaction that records it, exactly once.
        """

        rules.check_undo_option(self, None if undo is UNDECLARED else undo)

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
        """Declare the next step as the pivot, the point of no return: after it a run is completed, never undone."""
        rules.require(function is None, f"Write @{self.name}.pivot() with its parentheses.")

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
        """Declare the host's own writes whenever the status of a run changes, in the same transaction."""
        rules.check_declared_once(self.name, "status hook", self.status_hook)
        rules.check_function(f"{self.name}: the status hook", function, takes="change")
        self.status_hook = function
        return function

    def validator(self, function: Callable[[InputChange[T]], None]) -> Callable[[InputChange[T]], None]:
        """Declare a check of an input that an operator gives, for example against the host's own row.

        The validator raises ValueError with a message for the operator that names both figures; then nothing is done.
        """
        rules.check_declared_once(self.name, "validator", self.validator_run)
        rules.check_function(f"{self.name}: the validator", function, takes="change")
        self.validator_run = function
        return function

    def advice(self, words: Mapping[str, str]) -> None:
        """Declare, per code of Refused, what the operator of a run that is stuck with it shall do; the desk shows it.

        Raises SagaDeclarationError for empty advice, and for a code that has its advice already.
        """
        rules.check_advice(self, words)
        self.advised.update(words)

    def start(self, input: T, *, key: str, subject: str = "") -> UUID:
        """Start a run, in the caller's transaction; the same key gives the same run. Returns the run's id.

        `subject` is what people search the run by, such as an order number. Raises NotInTransaction outside `atomic()`,
        and Unfit when the input is not of the saga's type, or the key or the subject is too long.
        """
        from ..hosting import refuse_missing_apps

        refuse_missing_apps()
        from ..engine.commands import start  # the engine needs Django; a declaration does not

        return start(self, input, key=key, subject=subject)

    def cancel(self, key: str, *, reason: str, actor: str, code: str = "cancelled") -> None:
        """Undo the run of that key. Raises TooLate when its pivot was already called.

        `reason` and `actor` go into the record; `code`, at most 100 characters, goes to the hooks. Call this before you
        lock rows of your own: the engine always locks the run first.
        """
        from ..engine.commands import cancel

        cancel(self, key, reason=reason, actor=actor, code=code)

    def wake(self, key: str, *, step: str = "") -> bool:
        """Run the current step of a waiting run now, because the caller thinks that its wait is over.

        Returns whether the run was waiting, in `step` if one is named. If a worker is running the step, it is tried
        once more as soon as that attempt ends in a wait. Does nothing to a run that is paused, has ended, or waits for
        a participant that is away, nor for an unknown key.
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
        rules.check_step(step)
        self.steps.append(step)
        self._by_name[step.name] = step
        return step

    @cached_property
    def _by_name(self) -> dict[str, Step[T, Any]]:
        return {}
