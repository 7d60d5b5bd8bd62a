"""From where a queue is read while somebody's snapshot is held.

What is published, or rung, leaves a dead entry at the head of its index. PostgreSQL clears that away unless somebody
may still see it: a dump, a session that forgot its transaction, a replica. Then each look reads all of them again. So
while such a snapshot is held a process remembers where the living entries began when it last looked, and reads from
there: from a minute before now at the latest, since whoever writes may commit late. Everything is looked at all the
same from time to time, seldom when that takes long: what a transaction of more than a minute wrote is found then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from .. import sql
from ..publishing.destinations import SHARDS
from ..sql import Heads

HELD = 2_000  # transactions behind: fewer leave too little to be worth it
CHECKED = 5.0  # seconds between two looks at who holds what, and at where the living begin
EVERYTHING = 15.0  # seconds between two looks at everything, or
SHARE = 100  # times as long as that takes
BACK = 60.0  # seconds within which a transaction is expected to commit what it writes

T = TypeVar("T")


class Lookback(Generic[T]):
    """Of one queue, for all threads of this process. `first` looks from the given place on, None for everything."""

    def __init__(self, first: Callable[[T | None], T]) -> None:
        self._first = first
        self._since: T | None = None
        self._check_at = self._all_at = 0.0

    def since(self) -> T | None:
        """From where to read now; None: from the beginning, as long as nobody holds an old snapshot."""
        now = time.monotonic()
        if now < self._check_at:
            return self._since
        self._check_at = now + CHECKED
        if held_for() < HELD:
            self._since, self._all_at = None, 0.0
            return None
        everything = now >= self._all_at
        self._since = self._first(None if everything else self._since)
        if everything:
            ended = time.monotonic()
            self._all_at = ended + max(EVERYTHING, SHARE * (ended - now))
        return self._since

    def forget(self) -> None:
        """Begin again."""
        self._since, self._check_at, self._all_at = None, 0.0, 0.0


class FirstIds:
    """Where the shards begin: the ids of a minute ago, or earlier where something is left of that time."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()
        """The last id at that time."""

    def __call__(self, since: Heads | None) -> Heads:
        found, last = sql.heads(since or {})
        now = time.monotonic()
        if self._marks and last < self._marks[-1][1]:  # the table was emptied, and its ids begin anew
            self._marks.clear()
        self._marks.append((now, last))
        while len(self._marks) > 1 and self._marks[1][0] <= now - BACK:
            self._marks.popleft()
        taken_at, settled = self._marks[0]
        most = settled if taken_at <= now - BACK else 0
        return {pair: most if first is None else min(first, most) for pair, first in found.items()}


def held_for() -> int:
    """How many transactions ago the oldest snapshot was taken that somebody holds."""
    return max((one.age for one in sql.snapshot_holders()), default=0)


def of_times(table: str, column: str, where: str = "true") -> Lookback[datetime]:
    """Of a queue in the order of a time, which an index of those `where` has."""
    return Lookback(lambda since: sql.first_time(table, column, where, since))


messages: Lookback[Heads] = Lookback(FirstIds())
deliveries = of_times("outbox_delivery", "due_at")


def first_ids(destination: str) -> list[int]:
    """From which id on to read each shard of the destination; empty for everything."""
    heads = messages.since()
    return [heads.get((destination, shard), 0) for shard in range(SHARDS)] if heads else []
