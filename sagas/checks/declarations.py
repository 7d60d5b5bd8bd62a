"""Every declared saga is complete and can run. `declare/rules.py` refuses at import what can be seen at once."""

from __future__ import annotations

import dis
from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from outbox.messages import codec

from ..declare import registry
from ..declare.saga import Saga
from ..declare.spread import ChildSaga
from ..declare.step import UNDECLARED, Step
from ..errors import SagaError


@register("sagas")
def check_declarations(**_: Any) -> list[CheckMessage]:
    """All problems of all declared sagas."""
    return [problem for saga in registry.all_sagas() for problem in _saga_problems(saga)]


def _saga_problems(saga: Saga[Any]) -> Iterable[CheckMessage]:
    if not saga.steps:
        yield Error(f"{saga.name} has no steps.", hint=f"Declare one with @{saga.name}.step.", id="sagas.E001")
    yield from _input_problems(saga)
    for step in saga.steps:
        yield from _undo_problems(step)
        yield from _child_problems(step)
        yield from _result_problems(step)
        yield from _order_problems(step)


def _input_problems(saga: Saga[Any]) -> Iterable[CheckMessage]:
    try:
        codec.check_type(saga.input_type)
    except (SagaError, TypeError) as error:
        yield Error(str(error), hint="An input is a dataclass of plain values.", id="sagas.E002")


def _undo_problems(step: Step[Any, Any]) -> Iterable[CheckMessage]:
    """Each step before the pivot has an undo or says that it needs none, and its run can end."""
    if step.undone_run is not None and not step.has_undo and not step.is_pivot:
        hint = f"Declare the undo with @{step.name}.undo, or remove the hook."
        yield Error(f"{step.title} has an undone hook, and nothing is ever undone.", hint=hint, id="sagas.E006")
    if not _before_pivot(step):
        return
    if step.undo_run is UNDECLARED:
        hint = f"Add @{step.name}.undo, or say that there is nothing to undo: @{step.saga.name}.step(undo=None)."
        yield Error(f"{step.title} comes before the pivot and has no undo.", hint=hint, id="sagas.E003")
    if step.retry.attempts is None and step.saga.deadline is None and not (step.wait and step.wait.is_bounded):
        limit = "within=… and else_=…" if step.wait else "retry=Retry(attempts=…)"
        hint = f'Give Saga("{step.saga.name}", deadline=…), or {limit}: then the run is undone.'
        text = f"{step.title} comes before the pivot and is tried until done: its run may never end."
        yield Warning(text, hint=hint, id="sagas.W007")


def _child_problems(step: Step[Any, Any]) -> Iterable[CheckMessage]:
    """A child before the pivot can be undone."""
    spread = step.spread
    if not (isinstance(spread, ChildSaga) and _before_pivot(step)):
        return
    if spread.saga.pivot_step is not None and spread.own_undo is None:
        hint = f"Declare @{step.name}.undo, for example to start a return, or move {step.name} behind the pivot."
        text = f"{step.title} starts a run of {spread.saga.name}, which has a pivot: it could not be undone."
        yield Error(text, hint=hint, id="sagas.E050")


def _before_pivot(step: Step[Any, Any]) -> bool:
    pivot = step.saga.pivot_step
    return not step.saga.forward_only and (pivot is None or step.position < pivot.position)


def _order_problems(step: Step[Any, Any]) -> Iterable[CheckMessage]:
    """A step takes results of earlier steps only, as far as the names of its module show."""
    if getattr(step.run, "__code__", None) is None:
        return
    known: dict[str, Any] = getattr(step.run, "__globals__", {})
    used = {one.argval for one in dis.get_instructions(step.run) if one.opname == "LOAD_GLOBAL"}
    if "result_of" not in step.run.__code__.co_names:
        return
    for later in step.saga.steps[step.position :]:
        if any(known.get(name) is later for name in used):
            text = f"{step.title} names {later.name}, which is no step before it: there is no result of it yet."
            hint = f"Take the result of an earlier step, or move {step.name} behind {later.name}."
            yield Warning(text, hint=hint, id="sagas.W009")


def _result_problems(step: Step[Any, Any]) -> Iterable[CheckMessage]:
    try:
        if step.result_type is Any:
            hint = "Annotate its return type, None if it returns nothing: its result is read back by it."
            yield Warning(f"{step.title} does not say what it returns.", hint=hint, id="sagas.W004")
        elif step.result_type is not type(None):
            codec.check_type(step.result_type)
    except TypeError as error:
        yield Error(f"{step.title}: {error}", hint="A result is carried as JSON.", id="sagas.E005")
    except NameError as error:
        hint = "Import the types of its annotations outside `if TYPE_CHECKING:`; its result is read back by them."
        yield Error(f"{step.title}: {error}.", hint=hint, id="sagas.E008")
