"""A type's shape changes when its JSON text may be another, and at no other time."""

from dataclasses import dataclass, field, make_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from outbox.declare import json_schema


class Colour(Enum):
    RED = "red"


class MoreColours(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Line:
    sku: str
    count: int = 1


@dataclass(frozen=True)
class Tree:
    name: str
    children: "tuple[Tree, ...]" = ()


@dataclass(frozen=True)
class Everything:
    """What a reader is told."""

    id: UUID
    title: str
    total: Decimal
    at: datetime
    on: date
    wait: timedelta
    colour: Colour
    lines: tuple[Line, ...]
    pair: tuple[int, datetime]
    by_day: dict[date, Line]
    description: str | None = None
    due: datetime | None = None
    more: dict[str, Any] = field(default_factory=dict)


def shape_of(type_: Any, name: str = "Event") -> dict[str, Any]:
    """The shape of an event with one field of that type."""
    return json_schema.shape(make_dataclass(name, [("value", type_)], frozen=True))


def test_the_schema_says_the_format_of_times_and_keys():
    properties = json_schema.schema(Everything)["$defs"]["Everything"]["properties"]
    assert properties["at"] == {"type": "string", "format": "date-time"}
    assert properties["due"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert properties["pair"]["prefixItems"][1] == {"type": "string", "format": "date-time"}
    assert properties["by_day"]["propertyNames"] == {"format": "date"}


def test_the_shape_has_no_names_of_classes_and_no_explanations():
    shape = json_schema.shape(Everything)
    assert set(shape) == {"type", "properties", "required"}
    assert shape["properties"]["lines"]["items"] == {
        "type": "object",
        "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "default": 1}},
        "required": ["sku"],
    }
    assert {"title", "description"} <= set(shape["properties"]), "these are fields here"
    assert shape["properties"]["colour"] == {"enum": ["red"]}


def test_a_type_that_contains_itself_has_a_shape():
    assert json_schema.shape(Tree)["properties"]["children"]["items"] == {"$ref": "#"}


DIFFERENT = [
    (int, str),
    (str, str | None),
    (datetime, str),
    (datetime | None, str | None),
    (time, str),
    (UUID, str),
    (Decimal, float),
    (timedelta, str),
    (list[datetime], list[str]),
    (dict[str, datetime], dict[str, str]),
    (dict[int, str], dict[str, str]),
    (dict[UUID, str], dict[str, str]),
    (tuple[int, datetime], tuple[int, str]),
    (Colour, MoreColours),
    (Literal["a"], Literal["a", "b"]),
    (int, Annotated[int, msgspec.Meta(ge=0)]),
    (Line, Tree),
    (list[Line], list[Tree]),
]
SAME = [
    (Line, make_dataclass("Renamed", [("count", int, 1), ("sku", str)], kw_only=True)),
    (list[int], tuple[int, ...]),
    (str, Annotated[str, msgspec.Meta(description="a name", title="Name")]),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=str)
def test_another_text_is_another_shape(one, other):
    assert shape_of(one) != shape_of(other)


@pytest.mark.parametrize(("one", "other"), SAME, ids=str)
def test_the_same_text_is_the_same_shape(one, other):
    assert shape_of(one) == shape_of(other, "Another")


def test_a_default_is_part_of_the_shape():
    shapes = [json_schema.shape(make_dataclass("Event", [("value", int, default)])) for default in (1, 2)]
    assert shapes[0] != shapes[1], "it is what a reader sees in messages without the field"
