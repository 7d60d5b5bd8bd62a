"""How a saga is declared: steps run in the order in which they are written, and each undo follows its step.

Nothing here needs Django or a database, so that a plain test can import a declaration and call its functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args, overload

from outbox.retry import Retry

from ..errors import Refused, SagaDeclarationError
from . import registry, rules, waits
from .attributes import Value
from .context import InputChange, StatusChange, StepContext
from .ran_again import RanAgain
from .share import Limit, is_limit
from .stake import Stake
from .step import UNDECLARED, Step

if TYPE_CHECKING:
    from uuid import UUID

    from .best_effort import BestEffortStep
    from .child import ChildStep
    from .each import EachStep
    from .sent import Sent

T = TypeVar("T")
R = TypeVar("R")
C = TypeVar("C")

DEFAULT_TIMEOUT = timedelta(seconds=10)


class Saga(Generic[T]):
    """A sequence of steps over an input of type T: `Saga[Checkout]("checkout", version=1)`."""

    is_branch = False
    """Whether the engine declares it, for a step of another saga that has runs of its own."""
    forward_only = False
    """Whether its runs can only go forward, as steps behind a pivot."""

    # What a saga may do without; also one that the engine declares, which says nothing of these.
    stake: Callable[[T], Stake | None] | None = None
    label: Callable[[T], str] | None = None
    not_again: str = ""
    status_hook: Callable[[StatusChange[T]], None] | None = None
    child_hook: Callable[[StatusChange[Any]], None] | None = None
    """Called after the status hook, where other sagas start runs of this one."""
    validator_run: Callable[[InputChange[T]], None] | None = None
    ran_again_run: Callable[[RanAgain[T]], None] | None = None
    attributes_run: Callable[[T], Mapping[str, Value]] | None = None
    limited: Limit | None = None

    def __init__(
        self,
        name: str,
        *,
        version: int = 1,
        deadline: timedelta | None = None,
        admin_url: Callable[[T], str] | None = None,
        record_url: Callable[[T, str], str] | None = None,
        stake: Callable[[T], Stake | None] | None = None,
        not_again: str = "",
        label: Callable[[T], str] | None = None,
    ) -> None:
        """`deadline`: a run that has not claimed its pivot within this time is undone. `admin_url`: the admin page of a
        run's subject, from its input. `record_url`: where a participant shows what it knows of it, from the input and
        the participant's name; "" for none. `stake`: the value at stake in a run, from its input, or None; kept with
        the run. `label`: what Flower shows of a run besides its id, from its input, such as an order's number; the key
        without it. `not_again`: why a run that has ended must not be run again, in a sentence for operators; "" where
        it may be. Raises SagaDeclarationError when name and version are taken or do not fit.
        """
        from ..hosting import refuse_missing_apps  # it needs Django; what it says only counts where Django is set up

        refuse_missing_apps()
        self.name = name
        self.version = version
        self.deadline = deadline
        self.admin_url = admin_url
        self.record_url = record_url
        self.stake = stake
        self.label = label
        self.not_again = not_again
        self.steps: list[Step[T, Any]] = []
        """What a run carries out one after the other; `declared` has also what stands side by side in one of them."""
        self.declared: dict[str, Step[T, Any]] = {}
        self.after: dict[str, frozenset[str]] = {}
        """By declared step: those that it comes directly after."""
        self.before: dict[str, frozenset[str]] = {}
        """By declared step: all that are done before it."""
        self.branches: dict[str, Saga[Any]] = {}
        """By declared step: the saga of its own runs."""
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
        best_effort: Literal[True],
        participant: str = "",
        timeout: timedelta = ...,
        retry: Retry = ...,
        undo_retry: Retry = ...,
        undo: None = ...,
        unless: Callable[[T], bool] | None = None,
        local: bool = False,
        after: Sequence[Step[T, Any]] | None = None,
        beats: bool = False,
    ) -> Callable[[Callable[[StepContext[T]], R]], BestEffortStep[T, R]]: ...
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
        after: Sequence[Step[T, Any]] | None = None,
        best_effort: Literal[False] = ...,
        beats: bool = False,
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
        after: Sequence[Step[T, Any]] | None = None,
        best_effort: bool = False,
        beats: bool = False,
    ) -> Step[T, R] | Callable[[Callable[[StepContext[T]], R]], Step[T, R]]:
        """Declare the next step.

        `timeout` limits one attempt. `undo=None` says that there is nothing to undo. `unless` is true for inputs for
        which the step and its undo do not call the participant; they do not wait for one that is away. `local=True`
        says that the step uses only our own database: it runs in the transaction that records it, exactly once.
        `after` names the steps above that must be done first, by default the one above: steps that do not come after
        each other run at the same time, each in a run of its own. The pivot comes after all above it.
        `best_effort=True`: when the step is refused, or its attempts are spent, those that found the participant away
        among them, the run passes over it and goes on. `beats=True`: it takes long and calls `ctx.heartbeat`; `timeout`
        then counts from the last beat.
        """
        from .best_effort import BestEffortStep

        rules.check_undo_option(self, None if undo is UNDECLARED else undo)

        def add(run: Callable[[StepContext[T]], R]) -> Step[T, R]:
            made: Step[T, R] = (BestEffortStep if best_effort else Step)(
                self,
                run,
                len(self.steps),
                participant,
                timeout,
                retry,
                undo_retry,
                unless,
                local=local,
                undo_run=undo,
                best_effort=best_effort,
                beats=beats,
            )
            return self._add(made, after)

        return add if function is None else add(function)

    def each(
        self,
        items: Callable[[T], Sequence[Any]],
        /,
        *,
        at_once: int = 10,
        participant: str = "",
        timeout: timedelta = DEFAULT_TIMEOUT,
        retry: Retry = Retry(),  # noqa: B008
        undo_retry: Retry = Retry(),  # noqa: B008
        undo: None = UNDECLARED,
        unless: Callable[[T], bool] | None = None,
        local: bool = False,
    ) -> Callable[[Callable[[StepContext[T]], R]], EachStep[T, R]]:
        """Declare the next step, once for each item of the input: `@saga.each(lambda order: order.lines)`.

        The function is given the item as `ctx.item`, and has a key, attempts, a result and an undo for each. `at_once`
        is how many are carried out at the same time. `ctx.result_of` gives their results as a list, in the order of the
        items. The rest is as with `step`.
        """
        from .each import each_step

        rules.check_undo_option(self, None if undo is UNDECLARED else undo)
        rules.check_items(self, items, at_once)

        def add(run: Callable[[StepContext[T]], R]) -> EachStep[T, R]:
            made: EachStep[T, R] = each_step(
                self,
                run,
                items,
                at_once,
                participant=participant,
                timeout=timeout,
                retry=retry,
                undo_retry=undo_retry,
                unless=unless,
                local=local,
                undo_run=undo,
            )
            self._add(made)
            return made

        return add

    def child(
        self,
        saga: Saga[C],
        /,
        *,
        key: Callable[[C], str] | None = None,
        retry: Retry = Retry(),  # noqa: B008
        undo_retry: Retry = Retry(),  # noqa: B008
    ) -> Callable[[Callable[[StepContext[T]], C]], ChildStep[T]]:
        """Declare the next step: it starts a run of another saga, and waits for its end. The function makes its input.

        The step returns an `Ended`. A child that ends undone is the step's refusal. To undo the step cancels the child,
        or has it undone when it has completed; where that cannot be, since the child has a pivot, declare the step's
        own undo. `key` makes the child's key from its input; by default it is the parent's key with the step's name.
        """
        from .child import child_step

        def add(make: Callable[[StepContext[T]], C]) -> ChildStep[T]:
            made: ChildStep[T] = child_step(self, saga, make, key, retry=retry, undo_retry=undo_retry)
            self._add(made)
            return made

        return add

    def pivot(
        self,
        function: None = None,
        /,
        *,
        participant: str = "",
        timeout: timedelta = DEFAULT_TIMEOUT,
        retry: Retry = Retry(),  # noqa: B008
        unless: Callable[[T], bool] | None = None,
        beats: bool = False,
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
                self,
                run,
                len(self.steps),
                participant,
                timeout,
                retry,
                retry,
                unless,
                is_pivot=True,
                undo_run=None,
                beats=beats,
            )
            return self._add(made)

        return add

    @overload
    def wait(
        self, name: str, /, *, until: waits.Until[T] | None = None, for_: waits.For[T] | None = None
    ) -> Step[T, None]: ...
    @overload
    def wait(
        self, /, *, until: waits.Until[T] | None = None, for_: waits.For[T] | None = None
    ) -> Callable[[waits.Words[T]], Step[T, None]]: ...
    def wait(
        self, name: str = "", /, *, until: waits.Until[T] | None = None, for_: waits.For[T] | None = None
    ) -> Step[T, None] | Callable[[waits.Words[T]], Step[T, None]]:
        """Declare that the run waits here, for any length of time; no worker and no message is held.

        `until`: a function of the context that returns an aware datetime, or the name of such a field of the input;
        `for_`: a timedelta, or a function that returns one, from when the step is reached. The date is fixed then. As a
        decorator it takes a function that says in words, to people, what is waited for.
        """

        def add(says: waits.Words[T]) -> Step[T, None]:
            rules.check_step_name(self, says)
            rules.check_function(f"{self.name}.{says.__name__}", says, takes="ctx")
            return self._add_wait(says.__name__, waits.timer(self, f"{self.name}.{says.__name__}", until, for_, says))

        return self._add_wait(name, waits.timer(self, f"{self.name}.{name}", until, for_, None)) if name else add

    def signal(
        self,
        name: str,
        payload: type[R],
        *,
        within: timedelta | None = None,
        else_: R | Refused = waits.NOTHING,
        says: waits.Words[T] | None = None,
    ) -> Step[T, R]:
        """Declare that the run waits here for a signal, which `send` brings; its payload is the step's result.

        When none came `within` that time of reaching the step, `else_` follows: a Refused undoes the run, a value is
        the result. Without `within` only the run's deadline, a cancel or an operator ends the wait. `says` tells people
        what is waited for.
        """
        return self._add_wait(name, waits.signal(self, f"{self.name}.{name}", payload, within, else_, says))

    def approval(
        self,
        name: str,
        form: type[R],
        *,
        permission: str = "",
        group: str = "",
        within: timedelta | None = None,
        remind: timedelta | None = None,
        else_: R | Refused = waits.NOTHING,
        back_to: tuple[Step[T, Any], ...] = (),
        says: waits.Words[T] | None = None,
    ) -> Step[T, R]:
        """Declare that the run waits here for a person who has the permission, and is in the group, that are named.

        *Yes* comes with the form, a dataclass, filled in: the step's result. *No* undoes the run, as Refused with the
        code `not_approved`. *Send back* runs the steps from one of `back_to` on again; these steps use only our own
        database, or wait. `within` and `else_` are those of `signal`; after `remind` those who may answer get a mail.
        """
        wait = waits.approval(
            self,
            f"{self.name}.{name}",
            form,
            permission=permission,
            group=group,
            within=within,
            remind=remind,
            else_=else_,
            back_to=back_to,
            says=says,
        )
        return self._add_wait(name, wait)

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

    def ran_again(self, function: Callable[[RanAgain[T]], None]) -> Callable[[RanAgain[T]], None]:
        """Declare the host's own writes when an operator runs a run again, in the transaction that starts the new one.

        The hook raises ValueError, with a message for the operator, to refuse; then nothing is done.
        """
        rules.check_declared_once(self.name, "hook for runs that are run again", self.ran_again_run)
        rules.check_function(f"{self.name}: the hook for runs that are run again", function, takes="again")
        self.ran_again_run = function
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

    def send(self, key: str, signal: str | Step[T, Any], payload: object, *, id: str) -> Sent:
        """Bring a signal to the run of that key, in the caller's transaction. Returns what became of it.

        `id` tells one signal from another, at most 200 characters: one that comes twice counts once. One that comes
        before the run waits for it is kept. Raises TooLate when the run no longer waits for it, Unfit for a payload of
        another type or another payload under the same id, NotInTransaction outside `atomic()`, and Run.DoesNotExist for
        an unknown key. Call this before you lock rows of your own: the engine always locks the run first.
        """
        from ..waits.sending import send

        return send(self, key, signal if isinstance(signal, str) else signal.name, payload, id)

    def named(self, name: str) -> Step[T, Any]:
        """The step of that name. Raises KeyError."""
        return self._by_name[name]

    @property
    def told(self) -> Callable[[StatusChange[T]], None] | None:
        """Who is told of a changed status: the host, and after it whoever has started the run."""
        host, starter = self.status_hook, self.child_hook
        if host is None or starter is None:
            return host or starter

        def both(change: StatusChange[T]) -> None:
            host(change)
            starter(change)

        return both

    @property
    def pivot_step(self) -> Step[T, Any] | None:
        return next((step for step in self.steps if step.is_pivot), None)

    @property
    def point_of_no_return(self) -> int | None:
        """The position of the pivot; without one, of the last step, and None where that one only waits."""
        if self.pivot_step is not None:
            return self.pivot_step.position
        return None if self.steps and self.steps[-1].wait is not None else len(self.steps) - 1

    @cached_property
    def input_type(self) -> Any:
        """The T in `Saga[T](…)`."""
        arguments = get_args(getattr(self, "__orig_class__", None))
        if not arguments:
            raise SagaDeclarationError(f'Say what {self.name} is about: Saga[YourInput]("{self.name}").')
        return arguments[0]

    def _add_wait(self, name: str, wait: waits.Wait) -> Step[T, Any]:
        made: Step[T, Any] = Step(
            self,
            waits.function_of(self, name, wait),
            len(self.steps),
            "",
            DEFAULT_TIMEOUT,
            Retry.until_done(),
            Retry(),
            local=True,
            undo_run=None,
            wait=wait,
        )
        return self._add(made)

    def _add(self, step: Step[T, R], after: Sequence[Step[T, Any]] | None = None) -> Step[T, R]:
        from .graph import add  # it declares sagas

        if step.name in self._by_name:
            raise SagaDeclarationError(f"{self.name} has two steps named {step.name}; rename one.")
        rules.check_step(step)
        add(self, step, after)
        self._by_name.update({one.name: one for one in (step, *self.steps)})
        return step

    @cached_property
    def _by_name(self) -> dict[str, Step[T, Any]]:
        return {}
