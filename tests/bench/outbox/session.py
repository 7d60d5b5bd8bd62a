"""One contender's turn: its relays started, warmed up, measured over a backlog, and stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.bench.processes import Processes
from tests.bench.report import Figures
from tests.bench.usage import Meter, Reading
from tests.bench.waiting import until

from . import ours
from .arrivals import Arrivals
from .backlog import Backlog
from .contenders import Contender

PAUSE = 0.005  # seconds between two looks at the broker
SHARE_PAUSE = 0.05
MARK_PAUSE = 0.002  # seconds between two looks at the table, once all has come


@dataclass(frozen=True)
class Load:
    """How much is asked of a contender."""

    warm_up: int = 1_000
    rows: int = 20_000
    seconds: int = 10
    """For how long events are written when the time to their arrival is measured."""


@dataclass(frozen=True)
class Place:
    """Where the contenders run."""

    urls: Mapping[str, str]
    """A contender's database, by its name."""
    redis_url: str
    venvs: Path
    logs: Path
    environment: Mapping[str, str]

    def environment_of(self, contender: Contender) -> dict[str, str]:
        theirs = {"DATABASE_URL": self.urls[contender.database], "REDIS_URL": self.redis_url}
        return {**self.environment, **theirs, **contender.environment}


class Session:
    """A contender whose relays run."""

    def __init__(self, contender: Contender, place: Place, processes: Processes, meter: Meter) -> None:
        self.contender = contender
        self.processes = processes
        self.meter = meter
        url = place.urls[contender.database]
        self.database = url.rpartition("/")[2]
        self.backlog = Backlog(url, contender.table, contender.keys)
        self.arrivals = Arrivals(place.redis_url, contender)

    def drain(self, rows: int) -> float:
        """Commit so many rows at once; the seconds from that commit until all are published and marked."""
        before = self.arrivals.count()
        self.backlog.fill(rows)
        begun = time.monotonic()
        if self.contender.is_ours:
            ours.wake()
        came = lambda: self.arrivals.count() - before  # noqa: E731
        until(came, rows, PAUSE, self.processes.check_alive, "Not all rows were published")
        marked = lambda: rows if self.backlog.is_done() else 0  # noqa: E731
        until(marked, rows, MARK_PAUSE, self.processes.check_alive, "Not all rows were marked")
        return time.monotonic() - begun

    def measured_drain(self, rows: int) -> Figures:
        """The same with what it cost, for each 1,000 rows: milliseconds of CPU, and statements."""
        self.arrivals.clear()
        before = self.read()
        seconds = self.drain(rows)
        after, thousands = self.read(), rows / 1000
        return {
            "rows_per_s": rows / seconds,
            "copies": self.arrivals.count() / rows,
            "statements": (after.statements - before.statements) / thousands,
            "relay_cpu_ms": (after.contender - before.contender) / thousands,
            "postgresql_cpu_ms": (after.postgresql - before.postgresql) / thousands,
            "redis_cpu_ms": (after.redis - before.redis) / thousands,
        }

    def read(self) -> Reading:
        return self.meter.read(self.database, self.processes.pids, [self.backlog.backend])

    def close(self) -> None:
        self.backlog.close()
        self.arrivals.close()


def measure(contender: Contender, place: Place, meter: Meter, load: Load) -> Figures:
    """Rows a second over a backlog."""
    with running(contender, place, meter) as session:
        session.drain(load.warm_up)
        return session.measured_drain(load.rows)


@contextmanager
def running(contender: Contender, place: Place, meter: Meter) -> Iterator[Session]:
    """Start the contender's relays on empty tables and an empty Redis; stop them at the end."""
    with Redis.from_url(place.redis_url) as redis:
        redis.flushall()
    processes = Processes(place.environment_of(contender), place.logs / contender.name)
    session = Session(contender, place, processes, meter)
    try:
        session.backlog.empty(history=not contender.history)
        names = [f"relay-{number}" for number in range(contender.relays)]
        for name in names:
            processes.start(name, (contender.python(place.venvs), "-m", contender.program, "relay"))
        processes.wait_ready(names)
        shared = lambda: int(session.backlog.is_shared(contender.relays))  # noqa: E731
        until(shared, 1, SHARE_PAUSE, processes.check_alive, "The relays did not come to share the work")
        yield session
    finally:
        processes.stop()
        session.close()
