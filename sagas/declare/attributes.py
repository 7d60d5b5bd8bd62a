"""What runs are found by beside their subject: names with values, such as a customer and an amount."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ..errors import Unfit

Value = str | int | Decimal | bool | date | None
"""What an attribute may be. None: the run does not have it."""

MOST = 20
"""Attributes of one run."""
LONGEST_NAME, LONGEST_TEXT = 50, 200  # characters; the columns'
DIGITS, DECIMALS = 20, 10  # before and behind the point; the column's
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
RESERVED = frozenset({"status", "saga", "step", "code", "version", "paused", "waits_for", "text"})
"""Names that a filter of runs uses itself."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute as it is stored: as a text, or as a number."""

    name: str
    text: str | None
    number: Decimal | None


def checked(title: str, given: Any) -> list[Attribute]:
    """The attributes to store; those that are None are left out. Raises Unfit with a sentence for what does not fit."""
    if not isinstance(given, Mapping):
        raise Unfit(f"{title}: its attributes are {given!r:.80}; return a dict, such as {{'customer': order.email}}.")
    if len(given) > MOST:
        raise Unfit(f"{title} has {len(given)} attributes; at most {MOST} are kept. Leave out what nobody looks for.")
    return [
        _stored(title, name, value) for name, value in given.items() if _is_named(title, name) and value is not None
    ]


def _is_named(title: str, name: Any) -> bool:
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        raise Unfit(
            f"{title}: an attribute is named {name!r:.80}; give a word of small letters, digits and underscores, "
            f"at most {LONGEST_NAME} characters."
        )
    if name in RESERVED:
        raise Unfit(f"{title}: an attribute is named {name}, which a filter of runs uses itself. Name it otherwise.")
    return True


def _stored(title: str, name: str, value: Any) -> Attribute:
    if isinstance(value, bool):
        return Attribute(name, "yes" if value else "no", None)
    if isinstance(value, int | Decimal):
        return Attribute(name, None, _number(title, name, value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return Attribute(name, value.isoformat(), None)
    if isinstance(value, str):
        return Attribute(name, _text(title, name, value), None)
    raise Unfit(
        f"{title}: the attribute {name} is a {type(value).__name__}; give a str, int, Decimal, bool, date or None."
    )


def _text(title: str, name: str, value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise Unfit(f"{title}: the attribute {name} has {len(value)} characters; at most {LONGEST_TEXT} are kept.")
    if "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise Unfit(f"{title}: the attribute {name} is {value!r:.80}, which PostgreSQL does not store. Leave that out.")
    return value


def _number(title: str, name: str, value: int | Decimal) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or abs(number) >= 10**DIGITS or number != round(number, DECIMALS):
        raise Unfit(
            f"{title}: the attribute {name} is {value}; give a number below 10^{DIGITS} with at most {DECIMALS} "
            "decimals."
        )
    return number
