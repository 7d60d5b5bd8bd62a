"""What a person gives to an act, field by field, in words: amounts as money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..declare import registry
from ..desk.given.typed_values import TypedField, fields_of, rows, said
from ..desk.input_changes import differences
from ..desk.proposals import verb_of
from ..errors import SagaError
from ..models import Act, Run
from .labels import readable
from .timeline import Change, change_of


def input_changes(run: Run, new: dict[str, Any]) -> list[Change]:
    """What another input changes, in words."""
    by_name = {field.name: field for field in _fields(run)}
    found = differences(run.input, new)
    return [_change(path, sides, by_name.get(path), (run.input, new)) for path, sides in found.items()]


def given_rows(proposal: Act) -> list[tuple[str, str]]:
    """Each value that the proposal gives, with its name."""
    given, run = proposal.after["given"], proposal.run
    takes = verb_of(proposal).takes
    value = given.get(takes)
    kind = _kind(run, takes, proposal.before.get("step", ""))
    found: Iterable[tuple[str, str]] = ()
    if kind is not None and value is not None:
        found = rows(kind, value, run.input)
    elif value is not None:
        found = [(takes, change_of("", None, value).after)]
    return [(readable(name.replace(".", " ")) or "Result", words) for name, words in found]


def _kind(run: Run, takes: str, step: str) -> Any:
    """The type of what an act takes; None where there is none, or it is not declared here."""
    try:
        saga = registry.find(run.name, run.version)
        if takes == "changes":
            return saga.input_type
        return saga.named(step).result_type_in_full if takes == "result" else None
    except (SagaError, KeyError):
        return None


def _fields(run: Run) -> Iterator[TypedField]:
    kind = _kind(run, "changes", "")
    yield from () if kind is None else fields_of(kind)


def _change(path: str, sides: tuple[Any, Any], field: TypedField | None, whole: tuple[Any, Any]) -> Change:
    if field is None or field.money is None:
        return change_of(path, *sides)
    before, after = (
        said(field, side, value, value) if isinstance(side, int) else side
        for side, value in zip(sides, whole, strict=True)
    )
    return change_of(path, before, after)
