"""The rules for declarations. Each check raises SagaDeclarationError with a sentence that says how to fix it.

Rules that need the complete declaration, the settings or the runs are system checks, in `checks/`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from outbox.retry import Retry

from ..errors import SagaDeclarationError

if TYPE_CHECKING:
    from .saga import Saga
    from .step import Step

LONGEST_NAME = 100  # characters; the columns' length
HIGHEST_VERSION = 32_767  # a smallint


def check_saga(saga: Saga[Any]) -> None:
    """Refuse a name, version or deadline that the tables cannot hold."""
    named = isinstance(saga.name, str) and bool(saga.name.strip())
    require(named, f"Saga({saga.name!r}): give a name; it is how runs find their declaration.")
    _check_length(f"The saga's name {saga.name}", saga.name)
    plain_number = isinstance(saga.version, int) and not isinstance(saga.version, bool)
    require(
        plain_number and 1 <= saga.version <= HIGHEST_VERSION,
        f"{saga.name}: version={saga.version!r}; give a whole number from 1 to {HIGHEST_VERSION}.",
    )
    require(
        isinstance(saga.not_again, str),
        f"{saga.name}: not_again={saga.not_again!r}; give a sentence that says to operators why, or leave it out.",
    )
    if saga.deadline is not None:
        check_duration(saga.name, "deadline", saga.deadline)


def check_step(step: Step[Any, Any]) -> None:
    """Refuse a step that no worker could run."""
    _check_length(f"The step's name {step.title}", step.name)
    _check_length(f"{step.title}: the participant's name", step.participant)
    check_duration(step.title, "timeout", step.timeout)
    for name, retry in (("retry", step.retry), ("undo_retry", step.undo_retry)):
        wanted = f"{step.title}: {name}={retry!r}; give a sagas.Retry, such as {name}=Retry(attempts=5)."
        require(isinstance(retry, Retry), wanted)
    require(
        not (step.local and step.participant),
        f"{step.title} is local and names the participant {step.participant}, and a local step only touches our own "
        "database. Remove one of the two.",
    )
    require(
        step.unless is None or bool(step.participant),
        f"{step.title} says unless= and names no participant that it would ask. Remove it, or name the participant.",
    )
    require(
        isinstance(step.best_effort, bool),
        f"{step.title}: best_effort={step.best_effort!r}; give True, or leave it out.",
    )
    require(isinstance(step.beats, bool), f"{step.title}: beats={step.beats!r}; give True, or leave it out.")
    require(
        not (step.beats and step.local),
        f"{step.title} is local and says beats=True, and a local step holds its run's row until it ends. Remove local, "
        "and write by ctx.key; or split the work into steps that are short.",
    )
    require(
        not (step.best_effort and step.retry.attempts is None),
        f"{step.title} is best effort and is tried until it is done, so that the run would never pass over it. Give it "
        "a limit, such as retry=Retry(attempts=5), or remove best_effort.",
    )
    if step.unless is not None:
        check_function(f"{step.title}: unless", step.unless, takes="input")
    check_function(step.title, step.run, takes="ctx")


def check_step_name(saga: Saga[Any], function: Any) -> None:
    """Refuse a function without a name, such as a lambda: the name identifies the step in the database."""
    is_lambda = getattr(function, "__name__", "") == "<lambda>"
    what = "lambda" if is_lambda else type(function).__name__
    require(
        inspect.isroutine(function) and not is_lambda,
        f"{saga.name}: a step is a function with a name of its own, and this is a {what}. Write it with def.",
    )


def check_undo(step: Step[Any, Any], *, declared: bool) -> None:
    """Refuse an undo at or after the pivot, and a second undo. `declared` is also true for `undo=None`."""
    require(step.wait is None, f"{step.name} waits, and a wait leaves nothing to undo. Remove its undo.")
    pivot = step.saga.pivot_step
    if step.is_pivot or (pivot is not None and step.position >= pivot.position):
        where = "is the pivot" if step.is_pivot else f"comes after the pivot {pivot.name}" if pivot else ""
        raise SagaDeclarationError(
            f"{step.name} {where}: from there a saga only goes forward. Remove its undo, or move the step up."
        )
    given = "says undo=None" if step.undo_run is None else "has its undo declared already"
    require(not declared, f"{step.name} {given}; keep one.")


def check_undo_option(saga: Saga[Any], given: object) -> None:
    """Refuse any value of `undo=` but None."""
    require(
        given is None,
        f"{saga.name}: undo={given!r}; it takes only None, for nothing to undo. Declare an undo with @<step>.undo.",
    )


def check_after(saga: Saga[Any], step: Step[Any, Any], after: Any) -> None:
    """Refuse an `after=` that is no list of steps of this saga that stand above."""
    title = f"{saga.name}.{step.name}"
    require(
        isinstance(after, list | tuple),
        f"{title}: after={after!r}; give a list of steps that stand above, such as after=[authorize_payment].",
    )
    for one in after:
        name: str = getattr(one, "name", "")
        require(
            bool(name) and hasattr(one, "saga"),
            f"{title}: after= names {one!r:.80}, which is no step. Name the decorated functions themselves.",
        )
        require(
            one.saga is saga,
            f"{title}: after= names {name}, a step of {one.saga.name}. A step comes after steps of its own saga; to "
            "wait for another saga, start it with @<saga>.child.",
        )
        require(
            saga.declared.get(name) is one,
            f"{title}: after= names {name}, which does not stand above it. Move {name} up, or leave it out.",
        )


def check_branch(step: Step[Any, Any]) -> None:
    """Refuse what cannot stand side by side with other steps."""
    require(
        step.in_list is step and step.spread is None,
        f"{step.title} starts runs of its own, and stands side by side with other steps. Have one of them come after "
        "the other, or give the other steps a saga of their own and start that with @<saga>.child.",
    )


def check_items(saga: Saga[Any], items: Any, at_once: Any) -> None:
    """Refuse `each` without a function that gives the items, or with a bad limit."""
    hint = f"Write @{saga.name}.each(lambda input: input.lines)."
    require(callable(items), f"{saga.name}: each({items!r:.80}); give a function from the input to the items. {hint}")
    check_function(f"{saga.name}: each", items, takes="input")
    plain_number = isinstance(at_once, int) and not isinstance(at_once, bool)
    require(plain_number and at_once >= 1, f"{saga.name}: each(at_once={at_once!r}); give a whole number from 1.")


def check_child(parent: Saga[Any], child: Any) -> None:
    """Refuse a child that is no saga, or the parent itself, whose runs would start each other for ever."""
    require(
        hasattr(child, "steps") and hasattr(child, "status_hook"),
        f"{parent.name}: child({child!r:.80}); give the saga of which a run is to be started.",
    )
    require(
        child.name != parent.name,
        f"{parent.name} would start runs of itself, and those again. Give the child a saga of its own.",
    )


def check_probe(step: Step[Any, Any]) -> None:
    """Refuse a probe of a local step, whose answer cannot be lost, and a second probe."""
    require(
        not step.local,
        f"{step.title} is local: it is recorded or rolled back as one, so that there is no doubt to ask about. "
        "Remove its probe.",
    )
    check_declared_once(step.title, "probe", step.probe_run)


def check_advice(saga: Saga[Any], words: Any) -> None:
    """Refuse empty advice, and a second advice for the same code."""
    for code, text in words.items():
        good = isinstance(code, str) and isinstance(text, str) and code.strip() and text.strip()
        require(bool(good), f"{saga.name}: the advice {code!r}: {text!r}; give a code, and what to do in words.")
        require(code not in saga.advised, f"{saga.name} has its advice for {code} declared already; keep one.")


def check_function(title: str, function: Any, *, takes: str) -> None:
    """Refuse a coroutine, a generator, and a function that cannot be called with `takes`, such as `ctx, result`."""
    require(
        not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)),
        f"{title} is declared with async def, and workers call plain functions. Write it with def.",
    )
    require(
        not inspect.isgeneratorfunction(function),
        f"{title} yields, so that calling it would do nothing. Have it return instead.",
    )
    require(_can_be_called_with(function, takes.split(", ")), f"{title} is called with ({takes}). Have it take that.")


def check_declared_once(title: str, kind: str, earlier: Callable[..., Any] | None) -> None:
    """Refuse a second declaration; the first one would be lost without a word."""
    require(earlier is None, f"{title} has its {kind} declared already; keep one.")


def require(holds: bool, sentence: str) -> None:
    """Raise SagaDeclarationError with the sentence unless the rule holds."""
    if not holds:
        raise SagaDeclarationError(sentence)


def _can_be_called_with(function: Any, arguments: list[str]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # written in C, some do not tell what they take
        return True
    return True


def _check_length(what: str, name: str) -> None:
    require(
        len(name) <= LONGEST_NAME, f"{what} has {len(name)} characters. At most {LONGEST_NAME} are kept; shorten it."
    )


def check_duration(title: str, name: str, span: Any) -> None:
    """Refuse what is no timedelta above zero."""
    require(
        isinstance(span, timedelta) and span > timedelta(0),
        f"{title}: {name}={span!r}; give a timedelta above zero, such as {name}=timedelta(seconds=10).",
    )
