"""The JSON Schema of a type, for people and other services; and its shape, the part that readers depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

WORDS = {"title", "description", "examples", "discriminator"}
"""Keys that do not affect the JSON text: names and explanations. A discriminator repeats what the members' tags say."""
FORMATS: dict[type, str] = {
    inspect.DateTimeType: "date-time",
    inspect.TimeType: "time",
    inspect.DateType: "date",
    inspect.UUIDType: "uuid",
    inspect.IntType: "integer",
}


def schema(type_: type) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the text that `codec.encode` makes of the type's values."""
    made = msgspec.json.schema(type_)
    _complete(inspect.type_info(type_), made, made.get("$defs", {}), set())
    return made


def shape(type_: type) -> dict[str, Any]:
    """The schema without class names and docstrings: it changes if and only if the JSON text may change.

    Definitions are written out where they are used; a recursive one refers to the place where it begins.
    """
    made = schema(type_)
    return _inlined(made, made.pop("$defs", {}), "#", {})


def _inlined(node: dict[str, Any], defs: dict[str, Any], at: str, around: dict[str, str]) -> dict[str, Any]:
    """`around`: the definitions around this node, each with the place where it begins."""
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "$ref":
            name = value.removeprefix("#/$defs/")
            inner = {**around, name: at}
            plain.update({"$ref": around[name]} if name in around else _inlined(defs[name], defs, at, inner))
        elif key not in WORDS:
            plain[key] = _part(key, value, defs, f"{at}/{key}", around)
    return plain


def _part(key: str, value: Any, defs: dict[str, Any], at: str, around: dict[str, str]) -> Any:
    match key, value:
        case "properties", dict():
            return {name: _inlined(one, defs, f"{at}/{name}", around) for name, one in value.items()}
        case (("items" | "additionalProperties" | "propertyNames"), dict()):
            return _inlined(value, defs, at, around)
        case (("anyOf" | "prefixItems"), list()):
            return [_inlined(one, defs, f"{at}/{position}", around) for position, one in enumerate(value)]
        case "required", list():
            return sorted(value)
    return value


def _complete(info: Any, node: dict[str, Any], defs: dict[str, Any], seen: set[str]) -> None:
    """Add the formats that msgspec leaves out, of times and of an object's keys, so that a time differs from a text."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        if name in seen:
            return
        seen.add(name)
        node = defs[name]
    if isinstance(info, inspect.DateTimeType | inspect.TimeType):
        node.setdefault("format", FORMATS[type(info)])
    key = FORMATS.get(type(getattr(info, "key_type", None)))
    if key:
        node["propertyNames"] = {"format": key}
    for part, place in _places(info, node):
        _complete(part, place, defs, seen)


def _places(info: Any, node: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The types that make up a type, each with its place in the schema."""
    for field in getattr(info, "fields", ()):
        if field.encode_name in node.get("properties", {}):
            yield field.type, node["properties"][field.encode_name]
    for name, key in (("item_type", "items"), ("value_type", "additionalProperties")):
        if hasattr(info, name) and key in node:
            yield getattr(info, name), node[key]
    yield from zip(getattr(info, "item_types", ()), node.get("prefixItems", ()), strict=False)
    some = [one for one in getattr(info, "types", ()) if not isinstance(one, inspect.NoneType)]
    some.sort(key=lambda one: isinstance(one, inspect.StructType))  # the order in which msgspec writes them
    yield from zip(some, node.get("anyOf", ()), strict=False)
