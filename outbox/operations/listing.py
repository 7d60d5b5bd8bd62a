"""Long lists in the admin: what people search by, and counts that end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db import connection

if TYPE_CHECKING:
    Pages = Paginator[Any]  # generic only for the type checker
else:
    Pages = Paginator

MOST = 10_000  # rows that a list counts and pages through
HAS_TRIGRAM = re.compile(r"[^\W_]{3}|[^\W_]{2}[\W_]+[^\W_]{2}")
"""What a trigram index can look up: three letters or digits in a row, or the ends of two words, as in 37.00."""

Finder = Callable[[str], Iterable[str]]
_finders: list[Finder] = []


class MoreThan(int):
    """A count that ended at its bound, and says so where it is shown."""

    def __str__(self) -> str:
        return f"more than {int(self)}"

    __html__ = __str__


class BoundedPaginator(Pages):
    """Counts up to MOST rows, because counting a million rows takes longer than showing fifty.

    Later pages need a filter.
    """

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most MOST; then it is shown as "more than"."""
        rows: Any = self.object_list
        found = int(rows.order_by()[: MOST + 1].count())
        return found if found <= MOST else MoreThan(MOST)


def can_match_inside(word: str, index: str) -> bool:
    """Whether to search for the word anywhere in a text, not only at the beginning.

    False for a word without a trigram, and where `index`, made by `trigrams.make`, finds only beginnings.
    """
    return HAS_TRIGRAM.search(word) is not None and has_trigram_index(index)


def has_trigram_index(index: str) -> bool:
    """Whether that index finds parts of a text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_class JOIN pg_am ON pg_am.oid = relam WHERE pg_class.oid = to_regclass(%s) "
            "AND amname = 'gin'",
            [index],
        )
        return cursor.fetchone() is not None


def uuid_of(text: str) -> UUID | None:
    """The text as a UUID; None when it is none."""
    with suppress(ValueError):
        return UUID(text)
    return None


def key_finder(finder: Finder) -> Finder:
    """Register a function that turns what a person types, such as an order number, into keys of messages."""
    _finders.append(finder)
    return finder


def keys_of(text: str) -> list[str]:
    """The keys that the text may mean, the text itself first."""
    return list(dict.fromkeys([text, *(key for finder in _finders for key in finder(text))]))
