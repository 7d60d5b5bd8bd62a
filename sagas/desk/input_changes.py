"""Change the input: what the steps that are still to come will be given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from outbox.messages import codec

from ..declare import registry
from ..declare.context import InputChange
from ..declare.saga import Saga
from ..models import Run
from . import given_values
from .acts import Actor, DoesNotFit, act, current_step, put_back_to_waiting, save_field
from .validators import validating

MISSING = "(not there)"
"""Stands in a diff for a field that the other side does not have."""


def set_input(
    run_id: UUID, *, actor: Actor, reason: str, changes: dict[str, Any], row_version: int | None = None
) -> None:
    """Give the run another input. It stays where it is: what was done is not done again.

    `changes` is plain JSON and is merged into the input: objects field by field, anything else, lists and null among
    it, takes the place of the old value. A whole input is merged just the same. The record holds what changed, by path.

    Raises DoesNotFit when the outcome is no input of the saga, or the same as before, or does not agree with the saga's
    validator; WrongState when the run has ended or a worker has its step in hand.
    """
    with act("set_input", run_id, actor, reason, row_version) as pending:
        run = pending.run
        step = current_step(pending, "change the input")
        new = changed_input(run, changes)
        found = differences(run.input, new)
        if not found:
            raise DoesNotFit("The new input is the same as the old one; there is nothing to change.")
        pending.before["input"] = {path: old for path, (old, _) in found.items()}
        pending.after["input"] = {path: now for path, (_, now) in found.items()}
        put_back_to_waiting(run, step)  # it would take the next step with the old input
        run.input = new
        save_field(run, "input")


def changed_input(run: Run, changes: dict[str, Any]) -> dict[str, Any]:
    """The run's input with the changes merge in, as the saga reads and accepts it. Raises DoesNotFit."""
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
    if saga.validator_run is not None:
        change = InputChange(run.id, run.key, _read(saga, run.input), codec.decode(saga.input_type, codec.encode(new)))
        with validating(saga.name):
            saga.validator_run(change)
    return new


def check_input(run: Run, *, changes: dict[str, Any]) -> None:
    """Whether the run could be given these changes. Raises DoesNotFit."""
    changed_input(run, changes)


def _read(saga: Saga[Any], kept: Any) -> Any:
    """The input as it was; None when this code cannot read it."""
    try:
        return codec.decode(saga.input_type, codec.encode(kept))
    except ValueError:
        return None


def merge(old: Any, new: Any) -> Any:
    """Objects field by field; anything else is replaced."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {name: merge(old[name], value) if name in old else value for name, value in new.items()}


def differences(old: Any, new: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs, by dotted path: the old value and the new one. Lists are compared as a whole."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return {} if old == new else {path: (old, new)}
    found: dict[str, tuple[Any, Any]] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        found |= differences(old.get(name, MISSING), new.get(name, MISSING), f"{path}.{name}".lstrip("."))
    return found


def _paths(value: Any, path: str = "") -> Iterator[str]:
    """The dotted path of every field, objects within objects included."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}".lstrip(".")
            yield from _paths(inner, f"{path}.{name}".lstrip("."))
