"""The fields of a type that a person may be asked for, and values of the type by field: what JSON holds, in words."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from ...declare.money import MinorUnits

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypedField:
    """One value to ask for."""

    path: Path
    """The names that lead to it in the JSON; empty when the whole value is one."""
    kind: Any
    """Its type, without `Annotated` and without `| None`."""
    optional: bool = False
    """Whether it may be null."""
    money: MinorUnits | None = None

    @property
    def name(self) -> str:
        """`seat.row`; empty for the whole value."""
        return ".".join(self.path)


def fields_of(kind: Any, path: Path = ()) -> list[TypedField]:
    """The fields of a type, nested objects field by field, in the order in which they are declared."""
    plain, optional, money = _unwrapped(kind)
    if optional or not _is_object(plain):
        return [TypedField(path, plain, optional, money if plain is int else None)]
    return [one for name, hint in _members(plain) for one in fields_of(hint, (*path, name))]


def value_at(value: Any, path: Path, missing: Any = None) -> Any:
    """What the JSON value holds there; `missing` when it holds nothing."""
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return missing
        value = value[name]
    return value


def currency_of(field: TypedField, value: Any, context: Any) -> str:
    """The currency of a field of money: named beside it in `value`, or else in `context`, the run's input; "" for
    none."""
    if field.money is None:
        return ""
    beside = value_at(value, (*field.path[:-1], field.money.currency))
    found = beside if beside is not None else value_at(context, (field.money.currency,))
    return found if isinstance(found, str) else ""


def said(field: TypedField, here: Any, value: Any, context: Any) -> str:
    """`here`, what the field holds, in words: money with its currency and in minor units, JSON for the rest."""
    if here is None:
        return "nothing"
    if field.money is not None and isinstance(here, int):
        return f"{field.money.shown(here, currency_of(field, value, context))} ({here} in minor units)"
    if isinstance(here, str):
        return here or "nothing"
    return msgspec.json.encode(here).decode()


def rows(kind: Any, value: Any, context: Any) -> Iterator[tuple[str, str]]:
    """Each field that the JSON value holds, by its name, in words."""
    nothing = object()
    for field in fields_of(kind):
        here = value_at(value, field.path, nothing)
        if here is not nothing:
            yield field.name, said(field, here, value, context)


def _unwrapped(kind: Any) -> tuple[Any, bool, MinorUnits | None]:
    money, optional = None, False
    while True:
        if get_origin(kind) is Annotated:
            kind, *notes = get_args(kind)
            money = money or next((note for note in notes if isinstance(note, MinorUnits)), None)
        elif get_origin(kind) in (Union, types.UnionType) and len(left := _without_none(kind)) == 1:
            optional, kind = True, left[0]
        else:
            return kind, optional, money


def _without_none(kind: Any) -> list[Any]:
    """The other members of a union with None; nothing for a union without it."""
    members = get_args(kind)
    return [one for one in members if one is not type(None)] if type(None) in members else []


def _is_object(kind: Any) -> bool:
    return isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, msgspec.Struct))


def _members(kind: Any) -> list[tuple[str, Any]]:
    """The names in the JSON, each with its annotation."""
    hints = get_type_hints(kind, include_extras=True)
    info: Any = msgspec.inspect.type_info(kind)
    return [(one.encode_name, hints[one.name]) for one in info.fields]
