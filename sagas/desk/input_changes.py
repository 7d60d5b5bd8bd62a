"""Change the input of a run, for the steps that are still to come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from outbox.messages import codec

from ..declare import registry
from ..declare.context import InputChange
from ..declare.saga import Saga
from ..engine.attributes import attributes_of, write_anew
from ..models import Run
from .acts import Actor, DoesNotFit, act, current_step, put_back_to_waiting, save_field
from .given import given_values
from .given.validators import validating
from .started_runs import refuse_branch, refuse_other_items

MISSING = "(not there)"
"""In a diff: this side does not have the field."""


def set_input(
    run_id: UUID, *, actor: Actor, reason: str, changes: dict[str, Any], row_version: int | None = None
) -> None:
    """Change the run's input. The run keeps its position: what was done is not done again.

    `changes` is plain JSON and is merged into the input: objects field by field; any other value, lists and null
    included, replaces the old one. The record holds the changes by path.

    Raises DoesNotFit when the new input does not fit the saga's type or its validator, or changes nothing; WrongState
    when the run has ended, or a worker has claimed its step.
    """
    with act("set_input", run_id, actor, reason, row_version) as pending:
        run = pending.run
        refuse_branch(run, "change the input")
        step = current_step(pending, "change the input")
        new = changed_input(run, changes)
        found = differences(run.input, new)
        if not found:
            raise DoesNotFit("The new input is the same as the old one; there is nothing to change.")
        pending.before["input"] = {path: old for path, (old, _) in found.items()}
        pending.after["input"] = {path: now for path, (_, now) in found.items()}
        put_back_to_waiting(run, step)  # a late worker would run the next step with the old input
        run.input = new
        save_field(run, "input")
        write_anew(run)


def changed_input(run: Run, changes: dict[str, Any]) -> dict[str, Any]:
    """The run's input after the changes, checked against the type and the validator of the saga. Raises DoesNotFit."""
    if not isinstance(changes, dict):
        raise DoesNotFit('The input is a JSON object of fields, such as {"email": "ann@example.com"}.')
    given_values.check_storable(changes)
    saga = registry.find(run.name, run.version)
    wanted = merge(run.input, changes)
    kind = saga.input_type.__name__
    try:
        new = codec.decode(dict[str, Any], codec.storable(codec.decode(saga.input_type, codec.storable(wanted))))
    except ValueError as error:
        raise DoesNotFit(f"The input does not fit {kind}: {error}") from error
    unknown = sorted(set(_paths(changes)) - set(_paths(new)))
    if unknown:
        raise DoesNotFit(f"{kind} has no field {', '.join(unknown)}.")
    before, after = _read(saga, run.input), codec.decode(saga.input_type, codec.encode(new))
    refuse_other_items(run, saga, before, after)
    with validating(saga.name, "attributes"):
        attributes_of(saga, after)
    if saga.validator_run is not None:
        change = InputChange(run.id, run.key, before, after)
        with validating(saga.name):
            saga.validator_run(change)
    return new


def check_input(run: Run, *, changes: dict[str, Any]) -> str:
    """Raise DoesNotFit unless these changes could be made to the run. Returns an empty text: nothing is compared."""
    changed_input(run, changes)
    return ""


def _read(saga: Saga[Any], kept: Any) -> Any:
    """The stored input as the saga's type; None when this code cannot read it."""
    try:
        return codec.decode(saga.input_type, codec.encode(kept))
    except ValueError:
        return None


def merge(old: Any, new: Any) -> Any:
    """Merge objects field by field; any other new value replaces the old one."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {name: merge(old[name], value) if name in old else value for name, value in new.items()}


def differences(old: Any, new: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Each difference by its dotted path: the old value and the new one. Lists are compared as a whole."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return {} if old == new else {path: (old, new)}
    found: dict[str, tuple[Any, Any]] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        found |= differences(old.get(name, MISSING), new.get(name, MISSING), f"{path}.{name}".lstrip("."))
    return found


def _paths(value: Any, path: str = "") -> Iterator[str]:
    """The dotted path of every field, those of nested objects included."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}".lstrip(".")
            yield from _paths(inner, f"{path}.{name}".lstrip("."))
