"""Steps that wait: until a date, for a signal, for a person's answer. The engine gives each of them its function.

Such a step uses only our own database, and leaves nothing to undo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from outbox.messages import codec

from ..errors import Refused
from . import rules
from .context import StepContext

if TYPE_CHECKING:
    from .saga import Saga
    from .step import Step

T = TypeVar("T")

Until = Callable[[StepContext[T]], datetime] | str
"""A function of the step's context, or the name of a field of the input: an aware datetime."""
For = timedelta | Callable[[StepContext[T]], timedelta]
Words = Callable[[StepContext[T]], str]

TIMER, SIGNAL, APPROVAL = "timer", "signal", "approval"
NOTHING: Final[Any] = object()


@dataclass(frozen=True, eq=False, kw_only=True)
class Wait:
    """What a step waits for, and for how long."""

    kind: str
    result: Any = None
    """The type of what it waits for: a signal's payload, an approval's form; None for a date."""
    until: Until[Any] | None = None
    for_: For[Any] | None = None
    """How long, from the first attempt on; None for no limit, or where `until` says it."""
    else_: Any = NOTHING
    """What follows when the time is over: a Refused, or the result that stands for it."""
    says: Words[Any] | None = None
    """What it waits for, in words for people."""
    permission: str = ""
    group: str = ""
    remind: timedelta | None = None
    back_to: tuple[Step[Any, Any], ...] = ()

    @property
    def is_bounded(self) -> bool:
        return self.until is not None or self.for_ is not None


def function_of(saga: Saga[Any], name: str, wait: Wait) -> Callable[[StepContext[Any]], Any]:
    """The function of a step that waits; it bears the step's name, and its annotation is the result's type."""
    _require_name(saga, name)

    def run(ctx: StepContext[Any]) -> Any:
        from ..waits.awaited import look  # the engine needs Django; a declaration does not

        return look(saga.named(name), ctx)

    run.__name__ = run.__qualname__ = name
    run.__annotations__ = {"ctx": StepContext, "return": wait.result}
    return run


def timer(saga: Saga[Any], title: str, until: Until[Any] | None, for_: For[Any] | None, says: Any) -> Wait:
    """A wait for a date. Raises SagaDeclarationError unless exactly one of `until` and `for_` says when it is over."""
    rules.require(
        (until is None) != (for_ is None),
        f"{title}: give one of until=, a date, and for_=, how long from when the step is reached.",
    )
    if isinstance(until, str):
        known = [field.name for field in fields(saga.input_type)] if is_dataclass(saga.input_type) else []
        rules.require(
            until in known,
            f"{title}: until={until!r} is no field of {saga.input_type.__name__}; give one, or a function of ctx.",
        )
    elif until is not None:
        rules.check_function(f"{title}: until", until, takes="ctx")
    _check_span(saga, title, "for_", for_)
    return Wait(kind=TIMER, until=until, for_=for_, says=says)


def signal(saga: Saga[Any], title: str, payload: Any, within: timedelta | None, else_: Any, says: Any) -> Wait:
    """A wait for a signal. Raises SagaDeclarationError for a limit without an answer to it, or one that cannot be."""
    _check_limit(saga, title, payload, within, else_)
    return Wait(kind=SIGNAL, result=payload, for_=within, else_=else_, says=says)


def approval(
    saga: Saga[Any],
    title: str,
    form: Any,
    *,
    permission: str,
    group: str,
    within: timedelta | None,
    remind: timedelta | None,
    else_: Any,
    back_to: tuple[Step[Any, Any], ...],
    says: Any,
) -> Wait:
    """A wait for a person. Raises SagaDeclarationError unless it says who may answer, and for what cannot be."""
    rules.require(is_dataclass(form), f"{title}: its form is a dataclass, whose fields are asked for, not {form!r}.")
    rules.require(
        bool(permission or group),
        f"{title}: say who may answer: permission='app.codename', group='name of a group', or both.",
    )
    rules.require(
        not permission or "." in permission,
        f"{title}: permission={permission!r}; write it with its app, such as 'orders.{permission}'.",
    )
    rules.require(
        saga.pivot_step is None,
        f"{title} comes after the pivot, where a no could undo nothing any more. Ask before the pivot.",
    )
    _check_limit(saga, title, form, within, else_)
    if remind is not None:
        _check_span(saga, title, "remind", remind)
        rules.require(
            within is None or remind < within,
            f"{title}: remind={remind!r} is not before within={within!r}, when it is over. Give a shorter one.",
        )
    _check_back(saga, title, back_to)
    return Wait(
        kind=APPROVAL,
        result=form,
        for_=within,
        else_=else_,
        says=says,
        permission=permission,
        group=group,
        remind=remind,
        back_to=back_to,
    )


def _require_name(saga: Saga[Any], name: Any) -> None:
    rules.require(
        isinstance(name, str) and name.isidentifier(),
        f"{saga.name}: {name!r} is no name for a step; write it as a function's, such as 'supplier_answered'.",
    )


def _check_limit(saga: Saga[Any], title: str, payload: Any, within: Any, else_: Any) -> None:
    rules.require(
        (within is None) == (else_ is NOTHING),
        f"{title}: within= and else_= go together: say how long it waits, and what follows when nothing came: "
        'else_=Refused("no_answer") to undo, or the value that stands for an answer.',
    )
    _check_span(saga, title, "within", within)
    if isinstance(else_, Refused):
        rules.require(
            saga.pivot_step is None,
            f"{title} comes after the pivot, where nothing is undone any more. Give a value as else_, not a Refused.",
        )
    elif else_ is not NOTHING:
        rules.require(_fits(payload, else_), f"{title}: else_={else_!r} is neither a Refused nor a {payload.__name__}.")


def _fits(payload: Any, value: Any) -> bool:
    try:
        codec.decode(payload, codec.encode(value))
    except (TypeError, ValueError):
        return False
    return True


def _check_span(saga: Saga[Any], title: str, name: str, span: Any) -> None:
    """Refuse a wait of no time, and one that the run's own deadline would always end."""
    if span is None:
        return
    if callable(span):
        rules.check_function(f"{title}: {name}", span, takes="ctx")
        return
    rules.check_duration(title, name, span)
    rules.require(
        saga.deadline is None or saga.pivot_step is not None or span < saga.deadline,
        f"{title}: {name}={span!r} is not below the deadline of {saga.name}, {saga.deadline!r}, which would undo the "
        "run first. Raise the deadline, or move the wait behind the pivot.",
    )


def _check_back(saga: Saga[Any], title: str, back_to: tuple[Step[Any, Any], ...]) -> None:
    """Only steps that nobody outside has seen can run again: those that use our own database, and those that wait."""
    for target in back_to:
        rules.require(
            target in saga.steps, f"{title}: back_to names {getattr(target, 'name', target)}, no step before it."
        )
        for step in saga.steps[target.position :]:
            rules.require(
                step.local and step.undo_run is None,
                f"{title} sends back to {target.name}, and {step.name} would run again: only a step with local=True "
                f"and undo=None can. Make it one, or send back to a step behind {step.name}.",
            )
