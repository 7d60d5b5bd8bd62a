"""What the host knows of a result that an operator gives, and how a given one differs from it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from outbox.messages import codec

from ...declare.context import StepContext
from ...declare.step import Step as DeclaredStep
from ..acts import DoesNotFit
from ..second_person import require_second_person
from .typed_values import Path, TypedField, currency_of, fields_of, said, value_at
from .validators import validating

NOTHING = object()


@dataclass(frozen=True, slots=True)
class Expected:
    """The known part of a result, as JSON."""

    known: Any
    needs_second_person: bool
    """Whether a result that differs needs a second person; else it is refused."""


def expected_of(declared: DeclaredStep[Any, Any], ctx: StepContext[Any]) -> Expected | None:
    """What the step's host expects of its result; None when it has not said. Raises SagaError when its hook fails."""
    if declared.expected_run is None:
        return None
    with validating(declared.title, "expected result"):
        known = declared.expected_run(ctx)
    return Expected(codec.decode(Any, codec.storable(known)), declared.differs == "second person")


def check(declared: DeclaredStep[Any, Any], ctx: StepContext[Any], result: Any) -> str:
    """Compare a result, of the step's type, with what is expected. Returns the difference in words, which a second
    person confirms; empty for none.

    Raises DoesNotFit for a difference that is refused.
    """
    expected = expected_of(declared, ctx)
    if expected is None:
        return ""
    given, context = (codec.decode(Any, codec.storable(value)) for value in (result, ctx.input))
    words = difference(declared.result_type_in_full, expected.known, given, context)
    if words and not expected.needs_second_person:
        raise DoesNotFit(f"This is not what is expected of {declared.name}: {words}.")
    return words


def confirmed(words: str, verb: str) -> None:
    """Raise SecondPersonNeeded with the difference in words, unless a second person is confirming it right now."""
    if words:
        require_second_person(verb, f"It differs from what is expected: {words}.")


def difference(kind: Any, known: Any, given: Any, context: Any) -> str:
    """How a result, as JSON, differs from the known part of it; empty when it does not."""
    by_path = {field.path: field for field in fields_of(kind)}
    found = []
    for path, wanted in _leaves(known, by_path):
        got = value_at(given, path, NOTHING)
        if got != wanted or isinstance(got, bool) != isinstance(wanted, bool):
            field = by_path.get(path) or TypedField(path, Any)
            right = said(field, wanted, known, context)
            wrong = said(field, None if got is NOTHING else got, given, context)
            by = _by_how_much(field, (wanted, known), (got, given), context)
            found.append(f"{field.name or 'it'} is {right}, you gave {wrong}{by}")
    return "; ".join(found)


def _leaves(known: Any, by_path: Mapping[Path, TypedField], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(known, Mapping) and (path not in by_path or by_path[path].kind is Any):
        for name, inner in known.items():
            yield from _leaves(inner, by_path, (*path, name))
    else:
        yield path, known


def _by_how_much(field: TypedField, right: tuple[Any, Any], wrong: tuple[Any, Any], context: Any) -> str:
    """Of two amounts in one currency: by how much the given one differs. Each comes with what it stands in."""
    (wanted, known), (got, given) = right, wrong
    currency = currency_of(field, known, context)
    if field.money is None or not (isinstance(wanted, int) and isinstance(got, int)):
        return ""
    if currency != currency_of(field, given, context):
        return ""
    return f", which is {field.money.shown(abs(got - wanted), currency)} {'more' if got > wanted else 'less'}"
