"""How runs share the workers: the policy of a share, and a limit of runs at once for a key."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import Unfit

EVERY = "*"
"""In SAGAS_SHARES: every share that is not named there."""
LONGEST_SHARE, LONGEST_KEY = 100, 200  # characters; the columns'
HIGHEST_PRIORITY = 1_000
MOST_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The policy for one share, set in `SAGAS_SHARES` under its name; others get these defaults.

    Raises ValueError for nonsense.
    """

    weight: float = 1
    """While runs of several shares wait, so many runs of this one begin for each run of a share of weight 1."""
    at_once: int | None = None
    """The most runs that have begun and not ended, over all workers; None for no limit."""

    def __post_init__(self) -> None:
        plain = isinstance(self.weight, int | float) and not isinstance(self.weight, bool)
        if not plain or not (0.001 <= self.weight <= 1_000 and math.isfinite(self.weight)):
            raise ValueError(f"Share(weight={self.weight!r}): give a number from 0.001 to 1000.")
        if self.at_once is not None and not is_limit(self.at_once):
            raise ValueError(
                f"Share(at_once={self.at_once!r}): give a whole number of at least 1, or None for no limit."
            )


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many runs of a saga at once for each key that the function returns."""

    at_once: int
    key_of: Callable[[Any], str | None]


def is_limit(value: Any) -> bool:
    """Whether it is a number of runs that can be limited to."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_AT_ONCE


def checked_share(title: str, share: Any) -> str:
    """The name of a share. Raises Unfit with a sentence for what does not fit."""
    if not isinstance(share, str) or not share.strip() or len(share) > LONGEST_SHARE or not _is_stored(share):
        raise Unfit(
            f"{title}: share={share!r:.120}; give a name of 1 to {LONGEST_SHARE} characters, such as 'tenant-7'."
        )
    if share == EVERY:
        raise Unfit(f"{title}: share={EVERY!r} stands for every share in SAGAS_SHARES; give a share's own name.")
    return share


def checked_priority(title: str, priority: Any) -> int:
    """A priority. Raises Unfit with a sentence for what is none."""
    plain = isinstance(priority, int) and not isinstance(priority, bool)
    if not plain or abs(priority) > HIGHEST_PRIORITY:
        raise Unfit(
            f"{title}: priority={priority!r:.80}; give a whole number from -{HIGHEST_PRIORITY} to {HIGHEST_PRIORITY}; "
            "higher ones go first."
        )
    return int(priority)


def checked_key(title: str, key: Any) -> str | None:
    """What a limit's function returned. Raises Unfit with a sentence for what is no key."""
    if key is None:
        return None
    if not isinstance(key, str) or not key or len(key) > LONGEST_KEY or not _is_stored(key):
        raise Unfit(
            f"{title}: its limit's key is {key!r:.80}; return 1 to {LONGEST_KEY} characters, or None for no limit."
        )
    return key


def _is_stored(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)
