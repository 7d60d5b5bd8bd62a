"""What needs a person, by its cause: an outage that stopped 312 runs is one cause.

A cause comes from a source. This app has one for runs and one for dead letters; other apps register their own, for
what needs a person and has no run. A thing is counted by one source alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from django.db.models import Q

from ..declare.stake import Stake
from .stakes import money, total

LAST = datetime.max.replace(tzinfo=UTC)


class Viewer(Protocol):
    """The user who looks."""

    def has_perm(self, perm: str, /) -> bool:
        """Whether they have the permission."""


@dataclass(frozen=True, slots=True)
class Link:
    """An address and its words."""

    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why some things need a person."""

    about: str
    """What they are, such as the saga's name."""
    where: str
    """What they stopped at, in words."""
    why: str
    """The error's code, or another short name of what went wrong."""
    count: int
    since: datetime | None
    """Since when the oldest of them asks."""
    url: str
    """The list of exactly these."""
    stakes: tuple[Stake, ...] = ()
    """The value at stake, by currency."""
    unknown: int = 0
    """Of how many of them no value is known."""
    advice: str = ""
    """What to do."""
    acts: tuple[Link, ...] = ()
    """What can be done to all of them at once."""
    more: bool = False
    """Whether counting ended at its bound: there are more."""

    @property
    def money(self) -> str:
        """The value at stake in words: `1,234.50 EUR, 3 unknown`; `unknown` when none is known."""
        known = [money(stake) for stake in self.stakes]
        if self.unknown:
            known.append(f"{self.unknown} unknown" if known else "unknown")
        return ", ".join(known)


Find = Callable[[Viewer], Iterable[Cause]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where causes come from."""

    permission: str
    """Who lacks it sees none of them; empty where the source itself says who sees what."""
    find: Find
    dead_letters: Callable[[], Q] | None
    """Which dead letters belong to what this source counts, so that they are not counted once more."""


_sources: list[Source] = []


def source(permission: str, *, dead_letters: Callable[[], Q] | None = None) -> Callable[[Find], Find]:
    """Register a function, given the user who looks, as a source of causes. Call it from an app's `ready()`.

    `dead_letters` gives the condition for rows of `outbox.models.DeadLetter` that belong to what the source counts.
    """

    def register(find: Find) -> Find:
        _sources.append(Source(permission, find, dead_letters))
        return find

    return register


def causes_for(user: Viewer) -> list[Cause]:
    """All causes that the user may see, the one that has waited longest first."""
    found = [
        cause for one in _sources if not one.permission or user.has_perm(one.permission) for cause in one.find(user)
    ]
    return sorted(found, key=lambda cause: (cause.since or LAST, -cause.count))


def counted_elsewhere() -> Q:
    """The condition for dead letters that a source counts with something else."""
    found = Q(pk__in=())
    for one in _sources:
        if one.dead_letters is not None:
            found |= one.dead_letters()
    return found


def at_stake(causes: Iterable[Cause]) -> str:
    """The value at stake in all of them, in words; empty when none is known."""
    return ", ".join(money(stake) for stake in total(stake for cause in causes for stake in cause.stakes))
