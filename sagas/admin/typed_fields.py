"""A form's field for each kind of value: amounts of money, numbers, texts, choices, lists, days. JSON for the rest."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from outbox.messages import codec

from ..desk.given.typed_values import TypedField
from ..presentation.labels import readable
from .base import pretty_json
from .json_field import JsonField

AS_TEXT = {
    UUID: "A UUID.",
    Decimal: "A decimal number.",
    datetime: "As 2026-03-04T14:02:05Z, with its offset from UTC.",
    time: "As 14:02:05.",
    timedelta: "As PT90S.",
}
"""What JSON holds as a text, and how it is written."""
DIGITS = 18
"""The most digits of an amount."""
MISSING = "Fill this in."


class Typed:
    """What the fields share: the value as JSON holds it, to the widget and back."""

    optional = False

    def plain(self, cleaned: Any) -> Any:
        """What was typed, as JSON holds it; null for nothing where that is allowed. An amount stays a Decimal."""
        return None if cleaned in (None, "") and self.optional else cleaned

    def typed(self, value: Any) -> Any:
        """What stands in the widget for a JSON value; None for nothing."""
        return value


class TextField(Typed, forms.CharField):
    """A text; empty is a text too, unless null is allowed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, widget=wide(), **options)


class WholeField(Typed, forms.IntegerField):
    """A whole number. What is no number stays in the box, as in no box of type number."""

    widget = forms.TextInput(attrs={"inputmode": "numeric", "class": "vTextField", "autocomplete": "off"})


class MoneyField(Typed, forms.DecimalField):
    """An amount of money, in the currency that the form's help names."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "class": "vTextField money", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=DIGITS, **options)
        self.error_messages["invalid"] = "Write the amount in figures, with a point before its decimals, such as 89.00."


class YesNoField(Typed, forms.BooleanField):
    """Yes or no."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "required": False})


class FloatField(Typed, forms.FloatField):
    """A number."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "class": "vTextField", "autocomplete": "off"})


class DayField(Typed, forms.DateField):
    """A day."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})

    def plain(self, cleaned: Any) -> Any:
        return cleaned.isoformat() if cleaned else None


class WrittenField(Typed, forms.CharField):
    """What JSON holds as a text of a certain form: it is read as its type reads it."""

    def __init__(self, kind: Any, **options: Any) -> None:
        self.kind = kind
        super().__init__(widget=wide(), **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            if text:
                codec.decode(self.kind, codec.encode(text))
        except ValueError as error:
            raise ValidationError(f"This does not fit. {AS_TEXT[self.kind]}") from error
        return text


class OneOfField(Typed, forms.TypedChoiceField):
    """One of a few values, which JSON holds as they are; `""` stands for null."""

    def __init__(self, values: list[Any], *, names: dict[Any, str], **options: Any) -> None:
        self.by_text = {codec.encode(value): value for value in values}
        choices = [(text, names.get(value, str(value) or "—")) for text, value in self.by_text.items()]
        blank = [("", "—")]
        super().__init__(choices=[*blank, *choices], coerce=self.by_text.__getitem__, empty_value=None, **options)

    def typed(self, value: Any) -> Any:
        return None if value is None else codec.encode(value)


class ListField(Typed, forms.CharField):
    """A list of texts or of whole numbers, one a line."""

    def __init__(self, item: type, **options: Any) -> None:
        self.item = item
        super().__init__(**{**options, "required": False}, widget=forms.Textarea(attrs={"rows": 4, "cols": 40}))

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        try:
            return [self.item(line) for line in lines]
        except ValueError as error:
            raise ValidationError("Write one whole number a line.") from error

    def plain(self, cleaned: Any) -> Any:
        return None if self.optional and not cleaned else cleaned

    def typed(self, value: Any) -> Any:
        return "\n".join(str(one) for one in value) if isinstance(value, list) else None


class RawField(Typed, JsonField):
    """Anything else, as JSON."""

    def typed(self, value: Any) -> Any:
        return None if value is None else pretty_json(value)


def field_for(field: TypedField, *, currency: str = "", help_text: str = "") -> forms.Field:
    """The form's field for one value. `currency`: that of an amount whose currency is not asked for beside it."""
    label = readable(" ".join(field.path)) or "Result"
    options: dict[str, Any] = {"label": label, "required": not field.optional}
    made, hint = _made(field, options)
    words = f"In {currency}." if currency and field.money else hint
    made.help_text = " ".join(filter(None, [words, help_text]))
    made.optional = field.optional  # type: ignore[attr-defined]
    if made.required:
        made.error_messages["required"] = MISSING
    return made


def _made(field: TypedField, options: dict[str, Any]) -> tuple[forms.Field, str]:
    """The field, and how it is filled in."""
    kind = field.kind
    if field.money is not None:
        return MoneyField(**options), f"In the currency that stands under {readable(field.money.currency)}."
    if kind in AS_TEXT:
        return WrittenField(kind, **options), AS_TEXT[kind]
    if (values := _values(kind, optional=field.optional)) is not None:
        return OneOfField(list(values), names=values, **options), ""
    if (item := _item(kind)) is not None:
        return ListField(item, **options), "One a line."
    if kind in PLAIN:
        if kind is str:
            del options["required"]
        return PLAIN[kind](**options), ""
    return RawField(**options, widget=forms.Textarea(attrs=RawField.widget.attrs | {"rows": 6})), "As JSON."


PLAIN: dict[Any, Callable[..., forms.Field]] = {
    str: TextField,
    int: WholeField,
    float: FloatField,
    bool: YesNoField,
    date: DayField,
}


def _values(kind: Any, *, optional: bool) -> dict[Any, str] | None:
    """The few values of a type as JSON holds them, each with its name; None when it has not a few."""
    if get_origin(kind) is Literal:
        return {value: str(value) for value in get_args(kind)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {
            codec.decode(Any, codec.encode(one)): str(getattr(one, "label", "")) or readable(one.name) for one in kind
        }
    return {True: "yes", False: "no"} if kind is bool and optional else None


def _item(kind: Any) -> type | None:
    """The type of a list's items, where they are texts or whole numbers."""
    arguments = get_args(kind)
    several = get_origin(kind) is list or (get_origin(kind) is tuple and arguments[1:] == (...,))
    return arguments[0] if several and arguments[0] in (str, int) else None


def wide() -> forms.TextInput:
    """A box for a text."""
    return forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"})
