"""What the JSON of a type looks like: as a value to fill in, and in words."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def sample_value(kind: Any) -> Any:
    """A value of the type's shape, with null for each field to fill in; as it is, it does not fit the type."""
    if not is_dataclass(kind):
        return None
    hints = get_type_hints(kind)
    return {field.name: sample_value(hints[field.name]) for field in fields(kind)}


def describe_type(kind: Any) -> str:
    """The type in words: `Address(street: str, floor: int | None)`, or the name of a plain one."""
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    if not is_dataclass(kind):
        return name
    hints = get_type_hints(kind)
    inner = ", ".join(f"{field.name}: {describe_type(hints[field.name])}" for field in fields(kind))
    return f"{name}({inner})"
