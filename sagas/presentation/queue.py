"""How many runs wait for a worker before a run's first step is taken, and how fast workers take them.

A run waits in the queue from its start until a worker first claims it. Whoever asks is answered from one reading of the
queue, which each process takes at most once a second, however many pages ask. It reads indexes, and at most COUNTED
rows of each.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from ..models import Run

COUNTED = 5_000
"""So many of the longest waiting runs are counted."""
FRESH = 1.0
"""Seconds for which a reading is believed."""
RECENT = timedelta(seconds=10)
"""How far back the rate at which runs end is measured. While more runs start than end, they are taken at that rate."""

WAITS_SINCE = "CASE WHEN r.position = 0 AND r.paused_at IS NULL THEN r.ready_at END"
"""SQL: since when the run `r` has waited for its first step to be taken; null once it was, and while it is held."""
READ = """
SELECT statement_timestamp(),
       ARRAY(SELECT r.ready_at FROM saga_run r WHERE r.ready_at IS NOT NULL AND r.paused_at IS NULL
             ORDER BY r.ready_at LIMIT %(counted)s),
       (SELECT count(*) FROM (SELECT 1 FROM saga_run
                              WHERE finished_at > statement_timestamp() - make_interval(secs => %(recent)s)
                              LIMIT %(counted)s) AS ended)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands in the queue."""

    ahead: int
    """How many runs are to be taken before it; COUNTED also stands for more."""
    seconds: float | None
    """How long until it is taken, as things go now; None while no run has ended of late, so that nobody knows."""
    waited: timedelta

    @property
    def is_long(self) -> bool:
        """Whether there are more runs ahead than were counted."""
        return self.ahead >= COUNTED


@dataclass(frozen=True, slots=True)
class Reading:
    """The queue as PostgreSQL had it at `at`, by its clock."""

    at: datetime
    since: Sequence[datetime]
    """When each of the waiting runs was ready, the longest waiting first; at most COUNTED."""
    ended: int
    """Runs that ended within RECENT."""
    read_at: float
    """The same moment by time.monotonic()."""

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.read_at < FRESH

    def place_of(self, since: datetime) -> Place:
        ahead = bisect_left(self.since, since)
        rate = self.ended / RECENT.total_seconds()
        now = self.at + timedelta(seconds=time.monotonic() - self.read_at)
        return Place(ahead, ahead / rate if rate else None, max(now - since, timedelta(0)))


class Queue:
    """The latest reading, shared by the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading: Reading | None = None

    def place_of(self, since: datetime | None) -> Place | None:
        """The place of a run that is ready since then, as `waits_since` says; None for one that does not wait."""
        return None if since is None else self._fresh().place_of(since)

    def forget(self) -> None:
        """Read again at the next question."""
        self._reading = None

    def _fresh(self) -> Reading:
        """One thread reads; those that come meanwhile go by the reading before, if there is one."""
        known = self._reading
        if known is not None and (known.is_fresh or self._lock.locked()):
            return known
        with self._lock:
            known = self._reading
            if known is None or not known.is_fresh:
                known = self._reading = read()
            return known


def waits_since(run: Run) -> datetime | None:
    """Since when the run has waited for its first step to be taken; None once it was, and while it is held."""
    return run.ready_at if run.position == 0 and run.paused_at is None else None


def read() -> Reading:
    """The queue as of now."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"counted": COUNTED, "recent": RECENT.total_seconds()})
        at, since, ended = cursor.fetchone()
    return Reading(at, since, ended, time.monotonic())


queue = Queue()
