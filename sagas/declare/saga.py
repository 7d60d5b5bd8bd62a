"""How a saga is declared: steps run in the order in which they are written, and each undo follows its step.

Nothing here needs Django or a database, so that a plain test can import a declaration and call its functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, overload

from outbox.retry import Retry

from ..errors import SagaDeclarationError
from . import registry, rules
from .attributes import Value
from .context import InputChange, StatusChange, StepContext
from .share import Limit, is_limit
from .stake import Stake
from .step import UNDECLARED, Step

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_TIMEOUT = timedelta(seconds=10)


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
        self.limited: Limit | None = None
        self.attributes_run: Callable[[T], Mapping[str, Value]] | None = None
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

    def attributes(self, function: Callable[[T], Mapping[str, Value]]) -> Callable[[T], Mapping[str, Value]]:
        """Declare what runs are found by: a function of the input that returns names with values, at most 20.

        They are kept with the run when it starts, and anew when an operator changes its input.
        """
        rules.check_declared_once(self.name, "attributes", self.attributes_run)
        rules.check_function(f"{self.name}: the attributes", function, takes="input")
        self.attributes_run = function
        return function

    def advice(self, words: Mapping[str, str]) -> None:
        """Declare, per code of Refused, what the operator of a run that is stuck with it shall do; the desk shows it.

        Raises SagaDeclarationError for empty advice, and for a code that has its advice already.
        """
        rules.check_advice(self, words)
        self.advised.update(words)

    def limit(self, *, at_once: int) -> Callable[[Callable[[T], str | None]], Callable[[T], str | None]]:
        """Declare how many runs may have begun and not ended at the same time, for each key that the function returns.

        The function takes the input and returns the key, at most 200 characters, or None for a run without a limit.
        Runs beyond the limit wait. Raises SagaDeclarationError for what is no number of runs.
        """
        wanted = f"{self.name}: limit(at_once={at_once!r}); give a whole number of at least 1."
        rules.require(is_limit(at_once), wanted)
        rules.check_declared_once(self.name, "limit", self.limited.key_of if self.limited else None)

        def add(function: Callable[[T], str | None]) -> Callable[[T], str | None]:
            rules.check_function(f"{self.name}: the limit", function, takes="input")
            self.limited = Limit(at_once, function)
            return function

        return add

    def start(
        self, input: T, *, key: str, subject: str = "", priority: int | None = None, share: str | None = None
    ) -> UUID:
        """Start a run, in the caller's transaction; the same key gives the same run. Returns the run's id.

        `subject` is what people search the run by, such as an order number. `share` is who shares the workers with
        others, such as a tenant: shares take turns by their weights (SAGAS_SHARES), however many runs of one wait.
        Within a share runs of a higher `priority`, from -1000 to 1000, go first; by default it is 0. Raises
        NotInTransaction outside `atomic()`, and Unfit when the input is not of the saga's type, or the key, the
        subject, the share or the priority does not fit.
        """
        from ..hosting import refuse_missing_apps

        refuse_missing_apps()
        from ..engine.commands import start  # the engine needs Django; a declaration does not

        return start(self, input, key=key, subject=subject, priority=priority, share=share)

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
