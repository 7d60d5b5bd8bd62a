"""One search box for all: each app registers what it can find, by what a person knows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .causes import Viewer

MOST = 10
"""The most hits of a kind that are shown."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that was found."""

    title: str
    url: str
    note: str = ""
    """How it stands, in a few words."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found of one kind."""

    kind: str
    hits: tuple[Hit, ...]
    more: bool
    """Whether there are more than these."""


Find = Callable[[str], Iterable[Hit]]
_finders: list[tuple[int, str, str, Find]] = []


def finder(kind: str, permission: str, *, order: int = 100) -> Callable[[Find], Find]:
    """Register a function that finds things of a kind, such as "Orders", by a text. Call it from an app's `ready()`.

    The function reads indexes alone, and yields the best hits first; at most MOST + 1 are taken. Who lacks the
    permission finds none. Kinds with a smaller `order` stand above.
    """

    def register(find: Find) -> Find:
        _finders.append((order, kind, permission, find))
        return find

    return register


def find(text: str, user: Viewer) -> list[Hits]:
    """What the user may see of what the text means, by kind; kinds of which nothing was found are left out."""
    found: dict[str, Hits] = {}
    for _, kind, permission, look in sorted(_finders, key=lambda one: one[:2]):
        if user.has_perm(permission) and (hits := tuple(islice(look(text), MOST + 1))):
            found[kind] = Hits(kind, hits[:MOST], len(hits) > MOST)
    return list(found.values())


def only(found: list[Hits]) -> Hit | None:
    """The hit, where there is exactly one."""
    hits = [hit for kind in found for hit in kind.hits]
    return hits[0] if len(hits) == 1 else None
