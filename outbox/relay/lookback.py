"""Where to start reading a queue while somebody holds an old snapshot.

A published message leaves a dead entry at the head of its index. PostgreSQL removes it unless a snapshot may still see
it: a dump, a forgotten transaction, a replica. Then each read scans all dead entries again. So while such a snapshot is
held, a process remembers where the living entries began and reads from there, at the latest from one minute before now,
because a writer may commit late. Every 15 s or more seldom, it reads everything: that finds what a transaction of more
than a minute wrote.
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

HELD = 2_000  # transactions: a younger snapshot leaves too few dead entries to matter
CHECKED = 5.0  # seconds between two checks of the snapshots and of where living entries begin
EVERYTHING = 15.0  # seconds between two reads of everything, or
SHARE = 100  # times as long as such a read takes
BACK = 60.0  # seconds within which a transaction is expected to commit

T = TypeVar("T")


class Lookback(Generic[T]):
    """The starting point of one queue, for all threads of this process.

    `first(since)` finds it; `first(None)` reads all.
    """

    def __init__(self, first: Callable[[T | None], T]) -> None:
        self._first = first
        self._since: T | None = None
        self._check_at = self._all_at = 0.0

    def since(self) -> T | None:
        """The place to read from now. None means from the beginning: nobody holds an old snapshot."""
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
        """Start over; for tests."""
        self._since, self._check_at, self._all_at = None, 0.0, 0.0


class FirstIds:
    """The starting id of each shard: the last id of a minute ago, or an older id that is still unpublished."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()
        """Pairs of a monotonic time and the last id at that time."""

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
    """The age of the oldest snapshot that is held, in transactions."""
    return max((one.age for one in sql.snapshot_holders()), default=0)


def of_times(table: str, column: str, where: str = "true") -> Lookback[datetime]:
    """A lookback for a queue ordered by a time column, which has an index on the rows `where`."""
    return Lookback(lambda since: sql.first_time(table, column, where, since))


messages: Lookback[Heads] = Lookback(FirstIds())
deliveries = of_times("outbox_delivery", "due_at")


def first_ids(destination: str) -> list[int]:
    """The first id to read in each shard of the destination; empty to read everything."""
    heads = messages.since()
    return [heads.get((destination, shard), 0) for shard in range(SHARDS)] if heads else []
