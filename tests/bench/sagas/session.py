"""One contender's turn: start it, warm it up, measure it, stop it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.bench.processes import Processes
from tests.bench.report import Figures
from tests.bench.usage import Meter, Reading

from .contenders import Contender
from .submitter import Submitter
from .trial import STEPS
from .watch import RedisWatch, SqlWatch, Watch

BURST_PAUSE = 0.02  # seconds between two looks at many runs
IDLE_PAUSE = 0.0005  # seconds between two looks at the one run in flight
BACKGROUND = 2.0  # seconds for which an idle contender is watched
SETTLE = 0.5  # seconds for what still follows the last run, such as the relay's mark


@dataclass(frozen=True)
class Load:
    """How much is asked of a contender."""

    warm_up: int = 30
    runs: int = 300
    idle_runs: int = 60
    slow_runs: int = 500


@dataclass(frozen=True)
class Place:
    """Where the contenders run."""

    urls: Mapping[str, str]
    """A contender's name to its database."""
    redis_url: str
    venvs: Path
    logs: Path
    environment: Mapping[str, str]


class Session:
    """A running contender."""

    def __init__(self, contender: Contender, place: Place, processes: Processes, meter: Meter) -> None:
        self.contender = contender
        self.processes = processes
        self.meter = meter
        url = place.urls[contender.name]
        self.database = url.rpartition("/")[2]
        self.submitter = Submitter(processes, (contender.python(place.venvs), *contender.submitter))
        self.watch: Watch = SqlWatch(url, contender.done) if contender.done else RedisWatch(place.redis_url)
        self.watching = [self.watch.backend] if isinstance(self.watch, SqlWatch) else []

    def burst(self, count: int, *, slow: bool = False) -> float:
        """Submit so many runs at once; the seconds until the last is finished, submission included."""
        submitted = self.submitter.submit(count, slow=slow)
        return self.watch.wait(submitted.ids, BURST_PAUSE, self.processes.check_alive) - submitted.begun

    def one(self) -> float:
        """Milliseconds from the beginning of one run's submission until it is seen finished."""
        submitted = self.submitter.submit(1)
        return (self.watch.wait(submitted.ids, IDLE_PAUSE, self.processes.check_alive) - submitted.begun) * 1000

    def measured_burst(self, count: int) -> Figures:
        """A burst with what it cost. What the contender does when idle is taken off statements and commits."""
        resting_statements, resting_commits = self.background()
        before, begun = self.read(), time.monotonic()
        seconds = self.burst(count)
        ended = self.read()
        time.sleep(SETTLE)
        after, passed = self.read(), time.monotonic() - begun
        statements = after.statements - before.statements - resting_statements * passed
        commits = self.meter.commits(before, after) - resting_commits * passed
        keeps = bool(self.contender.done)
        return {
            "runs_per_s": count / seconds,
            "statements_per_step": statements / count / len(STEPS) if keeps else None,
            "commits_per_step": commits / count / len(STEPS) if keeps else None,
            "cpu_ms_per_run": (ended.cpu - before.cpu) / count,
        }

    def background(self) -> tuple[float, float]:
        """Statements and commits a second of an idle contender."""
        time.sleep(SETTLE)
        before, begun = self.read(), time.monotonic()
        time.sleep(BACKGROUND)
        after, passed = self.read(), time.monotonic() - begun
        return (after.statements - before.statements) / passed, self.meter.commits(before, after) / passed

    def idle(self, count: int) -> Figures:
        """One run in flight at a time."""
        taken = sorted(self.one() for _ in range(count))
        return {"idle_p50_ms": statistics.median(taken), "idle_p95_ms": taken[max(0, round(count * 0.95) - 1)]}

    def read(self) -> Reading:
        return self.meter.read(self.database, self.processes.pids, self.watching)


def measure(contender: Contender, place: Place, meter: Meter, load: Load) -> Figures:
    """One contender's figures of one round, of the steps that do nothing."""
    with running(contender, place, meter) as session:
        session.burst(load.warm_up)
        return {**session.measured_burst(load.runs), **session.idle(load.idle_runs)}


def measure_slow(contender: Contender, place: Place, meter: Meter, load: Load) -> Figures:
    """Runs a second when three of five steps wait, all runs at once."""
    with running(contender.when_slow(), place, meter) as session:
        session.burst(load.warm_up)
        return {"slow": load.slow_runs / session.burst(load.slow_runs, slow=True)}


@contextmanager
def running(contender: Contender, place: Place, meter: Meter) -> Iterator[Session]:
    """Start the contender on an empty Redis; stop it at the end."""
    with Redis.from_url(place.redis_url) as redis:
        redis.flushall()
    processes = Processes(environment_of(contender, place), place.logs / contender.name)
    python = contender.python(place.venvs)
    try:
        for number, helper in enumerate(contender.helpers):
            processes.start(f"helper-{number}", (python, *helper))
        names = [f"worker-{number}" for number in range(len(contender.workers))]
        for name, command in zip(names, contender.workers, strict=True):
            processes.start(name, (python, *(part.replace("{c}", str(contender.concurrency)) for part in command)))
        processes.wait_ready(names)
        session = Session(contender, place, processes, meter)
        try:
            yield session
        finally:
            session.watch.close()
    finally:
        processes.stop()


def environment_of(contender: Contender, place: Place) -> dict[str, str]:
    url = place.urls[contender.name]
    rivals = url.replace("postgres://", "postgresql://", 1)  # the name that SQLAlchemy wants
    theirs = {"DATABASE_URL": url, "BENCH_DATABASE_URL": rivals, "ABSURD_DATABASE_URL": rivals}
    return {**place.environment, **theirs, "REDIS_URL": place.redis_url, **contender.environment}
