"""Forms that are made from the type of a result or of an input: one field each, filled in with what is known.

The same as JSON stands behind *Advanced*; what is written there is used instead of the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from ..declare import registry
from ..desk.given.expected import Expected
from ..desk.given.json_samples import describe_type, sample_value
from ..desk.given.typed_values import TypedField, currency_of, fields_of, said, value_at
from ..desk.skips import expected_result
from ..errors import SagaError
from ..models import Run
from ..presentation.run_state import current_step
from .base import pretty_json
from .json_field import JsonField
from .typed_fields import MoneyField, field_for

MISSING = object()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for."""

    kind: Any
    """The type of the value, with what is `Annotated`."""
    known: Any
    """What the fields are filled in with, as JSON; parts may be missing."""
    context: Any
    """The run's input, as JSON: it names the currency of an amount that has none beside it."""
    words: str
    """What the JSON is, for the help of its field."""
    expected: Expected | None = None
    unread: str = ""
    """Why what is expected could not be asked."""
    only_changes: bool = False
    """Whether the value is only what differs from `known`."""
    fields: Sequence[TypedField] = field(default=(), kw_only=True)


def result_asked(run: Run) -> Asked | None:
    """The result of the run's current step; None when it returns nothing, is being undone, or is not declared here."""
    step = current_step(run)
    if step is None or step.status.startswith("undo"):
        return None
    try:
        declared = registry.find(run.name, run.version).named(step.name)
    except (SagaError, KeyError):
        return None
    kind = declared.result_type_in_full
    if kind is type(None) or kind is Any:
        return None
    expected, unread = None, ""
    try:
        expected = expected_result(run, step)
    except SagaError as error:  # the form says so; the act itself would be refused
        unread = str(error)
    known = step.result if step.result is not None else expected.known if expected else None
    words = f"What {step.name} is to have returned: {describe_type(declared.result_type)}. Later steps read it."
    return Asked(kind, known, run.input, words, expected, unread, fields=fields_of(kind))


def input_asked(run: Run) -> Asked | None:
    """The input of the run; None when its saga is not declared here."""
    try:
        kind = registry.find(run.name, run.version).input_type
    except SagaError:
        return None
    words = "Fields that are left out stay as they are."
    return Asked(kind, run.input, run.input, words, only_changes=True, fields=fields_of(kind))


class TypedForm(forms.Form):
    """The base of such a form: it puts the value together, under the name of what the act takes."""

    takes: str
    asked: Asked

    @property
    def advanced(self) -> str:
        """The name of the field that stands behind *Advanced*."""
        return self.takes

    @property
    def uses_json(self) -> bool:
        """Whether the JSON was written, and is used."""
        return bool(self.data.get(self.add_prefix(self.takes), "").strip())

    def clean(self) -> dict[str, Any]:
        """The value as JSON holds it; the fields of which it was made are left out."""
        cleaned = {**self.cleaned_data}
        typed = {name_of(self.takes, one): one for one in self.asked.fields}
        if self.uses_json:
            for name in typed:
                self.errors.pop(name, None)
        elif not any(name in self.errors for name in typed):
            cleaned[self.takes] = self._value(typed)
        return {name: value for name, value in cleaned.items() if name not in typed}

    def _value(self, typed: dict[str, TypedField]) -> Any:
        value: Any = {}
        for name, one in typed.items():
            value = placed(value, one, self._plain(name))
        for name, one in typed.items():
            if isinstance(amount := value_at(value, one.path), Decimal) and isinstance(self.fields[name], MoneyField):
                value = placed(value, one, self._minor(name, one, amount, value))
        return changed(value, self.asked.known) if self.asked.only_changes else value

    def _plain(self, name: str) -> Any:
        """What one field holds; null where the page that was sent had no such field."""
        made: Any = self.fields[name]
        omitted = made.widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name))
        return None if omitted else made.plain(self.cleaned_data.get(name))

    def _minor(self, name: str, one: TypedField, amount: Decimal, value: Any) -> Any:
        """The amount in minor units; the field has an error, and the amount stays, when it is no amount of these."""
        assert one.money is not None  # noqa: S101 - only such a field has a MoneyField
        try:
            return one.money.minor(amount, currency_of(one, value, self.asked.context))
        except ValueError as error:
            self.add_error(name, ValidationError(str(error)))
            return amount


def form_class(base: type[forms.Form], takes: str, asked: Asked) -> type[forms.Form]:
    """`base`, the typed fields before its own, and the JSON behind *Advanced*."""
    beside = {one.path for one in asked.fields}
    made = {name_of(takes, one): _field(one, asked, beside) for one in asked.fields}
    raw = JsonField(
        label=f"{takes.capitalize()} as JSON",
        required=False,
        help_text=f"{asked.words} What is written here is used instead of the fields.",
    )
    raw.widget.attrs |= {"rows": 8, "placeholder": pretty_json(sample_value(asked.kind))}
    order = [*made, takes, *base.base_fields]
    body = {"takes": takes, "asked": asked, "field_order": order, **made, takes: raw}
    return type(f"{takes}Form", (TypedForm, base), body)


def name_of(takes: str, one: TypedField) -> str:
    """The name of a field in the form."""
    return f"{takes}.{one.name or 'value'}"


def _field(one: TypedField, asked: Asked, beside: set[tuple[str, ...]]) -> forms.Field:
    own = one.money is not None and (*one.path[:-1], one.money.currency) in beside
    currency = "" if own else currency_of(one, asked.known, asked.context)
    hint = _hint(one, asked)
    if one.money is not None and not (own or currency):
        one, hint = replace(one, money=None), f"In minor units: its currency is not known. {hint}"
    initial = _initial(one, asked)
    if isinstance(initial, str) and not initial.isprintable():  # a box of one line would lose its line breaks
        one = replace(one, kind=Any)
    made: Any = field_for(one, currency=currency, help_text=hint)
    made.initial = made.typed(initial)
    return made  # type: ignore[no-any-return]


def _initial(one: TypedField, asked: Asked) -> Any:
    """What is known of a field, an amount with its decimals; None for nothing, and for what cannot be read."""
    here = value_at(asked.known, one.path)
    if one.money is None or here is None:
        return here
    try:
        return str(one.money.major(here, currency_of(one, asked.known, asked.context)))
    except (ValueError, TypeError, ArithmeticError):  # no currency, or no number: a person fills it in
        return None


def _hint(one: TypedField, asked: Asked) -> str:
    """What is expected of a field, and what becomes of another value."""
    if asked.expected is None:
        return ""
    wanted = value_at(asked.expected.known, one.path, MISSING)
    if wanted is MISSING:
        return ""
    else_ = "needs a second person" if asked.expected.needs_second_person else "is refused"
    return f"Expected: {said(one, wanted, asked.expected.known, asked.context)}. Anything else {else_}."


def placed(value: Any, one: TypedField, here: Any) -> Any:
    """The JSON value with `here` at the field's place."""
    if not one.path:
        return here
    inner = value
    for name in one.path[:-1]:
        inner = inner.setdefault(name, {})
    inner[one.path[-1]] = here
    return value


def changed(value: Any, known: Any) -> Any:
    """The fields of an object that are not as they were known."""
    if not (isinstance(value, dict) and isinstance(known, dict)):
        return value
    return {name: here for name, here in value.items() if known.get(name, MISSING) != here}
