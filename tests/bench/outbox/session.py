"""One contender's turn: its relays started, warmed up, measured over a backlog, and stopped."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from tests.bench.processes import Processes
from tests.bench.report import Figures
from tests.bench.usage import Meter, Reading
from tests.bench.waiting import until

from . import ours
from .arrivals import Arrivals
from .backlog import Backlog
from .contenders import Contender
from .place import Load, Place

ENOUGH = 2.0  # seconds
MOST = 5  # backlogs in a turn
BACKGROUND = 2.0  # seconds for which an idle contender is watched
CPU = ("relay_cpu_ms", "postgresql_cpu_ms", "redis_cpu_ms")
PAUSE = 0.005  # seconds between two looks at the broker
SHARE_PAUSE = 0.05  # seconds between two looks at who has which shards
MARK_PAUSE = 0.002  # seconds between two looks at the table, once all has come


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

    def measured(self, rows: int) -> Figures:
        """Backlogs of so many rows, one after the other, until they took long enough to be told from noise.

        CPU in milliseconds, and statements, are those of 1,000 rows; `cpu_us_own` is of one row, of all processes, and
        without what an idle contender takes.
        """
        resting = self.background()
        spent, drains = defaultdict[str, float](float), 0
        while drains < MOST and spent["seconds"] < ENOUGH:
            for name, amount in self._measured_once(rows).items():
                spent[name] += amount
            drains += 1
        thousands = drains * rows / 1000
        own = sum(spent[name] for name in CPU) - resting * spent["seconds"]
        return {
            "rows_per_s": drains * rows / spent["seconds"],
            "copies": spent["copies"] / drains / rows,
            "cpu_us_own": own / thousands,
            **{name: spent[name] / thousands for name in ("statements", *CPU)},
        }

    def background(self) -> float:
        """Milliseconds of CPU a second when there is nothing to relay."""
        before, begun = self.read(), time.monotonic()
        time.sleep(BACKGROUND)
        return (self.read().cpu - before.cpu) / (time.monotonic() - begun)

    def _measured_once(self, rows: int) -> dict[str, float]:
        """One backlog, begun with empty tables, and what it took."""
        self.backlog.empty(history=not self.contender.history)
        self.arrivals.clear()
        before = self.read()
        seconds = self.drain(rows)
        after = self.read()
        cpu = (after.contender - before.contender, after.postgresql - before.postgresql, after.redis - before.redis)
        return {
            "seconds": seconds,
            "copies": self.arrivals.count(),
            "statements": after.statements - before.statements,
            **dict(zip(CPU, cpu, strict=True)),
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
        return session.measured(load.rows)


@contextmanager
def running(contender: Contender, place: Place, meter: Meter) -> Iterator[Session]:
    """Start the contender's relays on empty tables and an empty Redis; stop them at the end."""
    with Redis.from_url(place.redis_url) as redis:
        redis.flushall()
    processes = Processes(place.environment_of(contender), place.logs / contender.name, contender.root)
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
