"""Converts typed values to JSON text and back. The text is made once, and parsed once by whoever needs the value."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from .texts import plain

T = TypeVar("T")
NUL = "\\u0000"
"""NUL as JSON writes it; the same six characters may also be ordinary text."""


def encode(value: object) -> str:
    """The value as JSON text: dataclasses as objects; UUID, Decimal, dates, durations and Enum in their text form.

    Raises TypeError for a value that JSON cannot carry.
    """
    return msgspec.json.encode(value).decode()


def storable(value: object) -> str:
    """The value as JSON text that PostgreSQL can store; its texts are cleaned by `plain` where necessary.

    Raises TypeError for a value that JSON cannot carry.
    """
    try:
        text = encode(value)
    except UnicodeEncodeError:
        text = NUL
    return encode(_cleaned(msgspec.to_builtins(value, str_keys=True))) if NUL in text else text


def decode(type_: type[T], text: str) -> T:
    """The text as a `type_`; unknown fields are ignored. Raises ValueError when the text does not fit."""
    decoder: msgspec.json.Decoder[T] = _decoder(cast(Any, type_))
    return decoder.decode(text)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(inner) for name, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value


def check_type(type_: type) -> None:
    """Raise TypeError, naming the part, when values of `type_` cannot be written as JSON and read back."""
    name = getattr(type_, "__name__", str(type_))  # `A | None` has no name
    try:
        _check(msgspec.inspect.type_info(type_), name)
    except NameError as error:
        raise TypeError(f"{name}: {error}; types of its fields must be importable where it is declared.") from error


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def _check(info: msgspec.inspect.Type, path: str, seen: frozenset[type] = frozenset()) -> None:
    if isinstance(info, msgspec.inspect.CustomType):
        raise TypeError(
            f"{path} is {info.cls.__name__}, which JSON cannot carry; use plain values or a dataclass of them."
        )
    owner = getattr(info, "cls", None)
    if owner in seen:
        return
    if isinstance(owner, type):
        seen |= {owner}
    for name, part in _parts(info):
        _check(part, f"{path}.{name}" if name else path, seen)


def _parts(info: Any) -> list[tuple[str, msgspec.inspect.Type]]:
    """The types that make up a type, with the field's name where it has one."""
    named = [(field.name, field.type) for field in getattr(info, "fields", ())]
    unnamed = [getattr(info, name, None) for name in ("item_type", "key_type", "value_type")]
    several = [*getattr(info, "item_types", ()), *getattr(info, "types", ())]
    return named + [("", part) for part in (*unnamed, *several) if isinstance(part, msgspec.inspect.Type)]
