"""JSON that a person types: parse it, and refuse what PostgreSQL cannot store, with a sentence."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ..acts import DoesNotFit

DEEPEST = 50
"""The most levels of lists and objects. Nobody types more, and each parser needs stack for every level."""
LARGEST = 2**63 - 1
UNKEPT = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL does not store, and halves of surrogate pairs, which UTF-8 cannot encode."""


def parse(text: str) -> Any:
    """The value of a JSON text. Raises DoesNotFit when it is no JSON, or cannot be stored."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise DoesNotFit(_too_deep()) from error
    except ValueError as error:
        raise DoesNotFit(f"This is no JSON: {error}. Text is written in quotes.") from error
    check_storable(value)
    return value


def check_storable(value: Any) -> None:
    """Raise DoesNotFit unless the value, plain JSON, can be stored."""
    level = [value]
    for _ in range(DEEPEST):
        for one in level:
            _check_one(one)
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise DoesNotFit(_too_deep())


def _check_one(value: Any) -> None:
    if isinstance(value, str) and (found := UNKEPT.search(value)):
        raise DoesNotFit(f"A text holds the character {found[0]!a}, which cannot be kept. Leave it out.")
    if isinstance(value, float) and not math.isfinite(value):
        raise DoesNotFit(f"{value} is no number that JSON knows.")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise DoesNotFit(f"A number has more than {len(str(LARGEST)) - 1} digits. Write it as text, in quotes.")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if isinstance(value, list | tuple) else []


def _too_deep() -> str:
    return f"This is nested more than {DEEPEST} levels deep."
