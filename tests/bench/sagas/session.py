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
    """How much is asked of a contender; with no slow runs, none are measured."""

    warm_up: int = 30
    runs: int = 1_000
    idle_runs: int = 60
    slow_runs: int = 500
    trial_runs: int = 200


@dataclass(frozen=True)
class Place:
    """Where the contenders run."""

    urls: Mapping[str, str]
    """A contender's name to its database."""
    redis_url: str
    venvs: Path
    logs: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Resting:
    """What an idle contender does, a second: statements, commits, and milliseconds of CPU."""

    statements: float
    commits: float
    cpu: float


class Session:
    """A running contender."""

    def __init__(self, contender: Contender, place: Place, processes: Processes, meter: Meter) -> None:
        self.contender = contender
        self.python = contender.python(place.venvs)
        self.processes = processes
        self.meter = meter
        self.url = place.urls[contender.name]
        self.database = self.url.rpartition("/")[2]
        self.workers: list[str] = []
        self.start_workers(contender)
        self.submitter = Submitter(processes, (self.python, *contender.submitter))
        self.watch: Watch = SqlWatch(self.url, contender.done) if contender.done else RedisWatch(place.redis_url)
        self.watching = [self.watch.backend] if isinstance(self.watch, SqlWatch) else []

    def start_workers(self, arranged: Contender) -> float:
        """Start the workers as `arranged` has them; the monotonic time at which the first one was ready."""
        self.workers = [f"worker-{number}" for number in range(len(arranged.workers))]
        for name, command in zip(self.workers, arranged.workers, strict=True):
            words = (part.replace("{c}", str(arranged.concurrency)) for part in command)
            self.processes.start(name, (self.python, *words))
        return self.processes.wait_ready(self.workers)

    def rearrange(self, arranged: Contender) -> None:
        """Other workers in place of those that run."""
        self.processes.stop(self.workers)
        self.start_workers(arranged)

    def burst(self, count: int, *, slow: bool = False) -> float:
        """Submit so many runs at once; the seconds until the last is finished, submission included."""
        submitted = self.submitter.submit(count, slow=slow)
        return self.watch.wait(submitted.ids, BURST_PAUSE, self.processes.check_alive) - submitted.begun

    def drain(self, count: int) -> float:
        """Submit so many runs while no worker runs; the seconds from the first worker's readiness until all are done.

        What stands beside the workers, such as a relay, runs on.
        """
        self.processes.stop(self.workers)
        submitted = self.submitter.submit(count)
        ready = self.start_workers(self.contender)
        return self.watch.wait(submitted.ids, BURST_PAUSE, self.processes.check_alive) - ready

    def one(self) -> float:
        """Milliseconds from the beginning of one run's submission until it is seen finished."""
        submitted = self.submitter.submit(1)
        return (self.watch.wait(submitted.ids, IDLE_PAUSE, self.processes.check_alive) - submitted.begun) * 1000

    def measured_burst(self, count: int) -> Figures:
        """A burst with what it cost. What the contender does when idle is taken off statements and commits."""
        figures, statements, commits = self._measured(count, slow=False)
        keeps = bool(self.contender.done)
        return {
            "runs_per_s": count / figures["seconds"],
            "statements_per_step": statements / count / len(STEPS) if keeps else None,
            "commits_per_step": commits / count / len(STEPS) if keeps else None,
            "cpu_ms_per_run": figures["raw"] / count,
            "cpu_ms_own": figures["own"] / count,
        }

    def measured_slow_burst(self, count: int) -> Figures:
        """A burst of runs that wait, with the CPU that it cost."""
        figures, _, _ = self._measured(count, slow=True)
        return {
            "slow": count / figures["seconds"],
            "slow_cpu_ms_per_run": figures["raw"] / count,
            "slow_cpu_ms_own": figures["own"] / count,
        }

    def _measured(self, count: int, *, slow: bool) -> tuple[dict[str, float], float, float]:
        """`seconds` of a burst, and its CPU in ms: `raw` until all are seen finished; `own` with what still follows and
        without what an idle contender takes. Then its statements and commits."""
        resting = self.background()
        before, begun = self.read(), time.monotonic()
        seconds = self.burst(count, slow=slow)
        ended = self.read()
        time.sleep(SETTLE)
        after, passed = self.read(), time.monotonic() - begun
        cpu = {"raw": ended.cpu - before.cpu, "own": after.cpu - before.cpu - resting.cpu * passed}
        statements = after.statements - before.statements - resting.statements * passed
        commits = self.meter.commits(before, after) - resting.commits * passed
        return {"seconds": seconds, **cpu}, statements, commits

    def background(self) -> Resting:
        """What it does when nothing is asked of it."""
        time.sleep(SETTLE)
        before, begun = self.read(), time.monotonic()
        time.sleep(BACKGROUND)
        after, passed = self.read(), time.monotonic() - begun
        return Resting(
            (after.statements - before.statements) / passed,
            self.meter.commits(before, after) / passed,
            (after.cpu - before.cpu) / passed,
        )

    def idle(self, count: int) -> Figures:
        """One run in flight at a time."""
        taken = sorted(self.one() for _ in range(count))
        return {"idle_p50_ms": statistics.median(taken), "idle_p95_ms": taken[max(0, round(count * 0.95) - 1)]}

    @property
    def worker_pids(self) -> list[int]:
        return self.processes.pids_of(self.workers)

    def read(self) -> Reading:
        return self.meter.read(self.database, self.processes.pids, self.watching)


def measure(contender: Contender, place: Place, meter: Meter, load: Load) -> Figures:
    """One contender's figures of one round: steps that do nothing, a backlog of them, and steps three of which wait."""
    with running(contender, place, meter) as session:
        session.burst(load.warm_up)
        figures = {**session.measured_burst(load.runs), **session.idle(load.idle_runs)}
        if contender.wholly:
            figures["drain"] = load.runs / session.drain(load.runs)
        if contender.wholly and load.slow_runs:
            session.rearrange(contender.when_slow())
            session.burst(load.warm_up)
            figures |= session.measured_slow_burst(load.slow_runs)
    return figures


@contextmanager
def running(contender: Contender, place: Place, meter: Meter) -> Iterator[Session]:
    """Start the contender on an empty Redis; stop it at the end."""
    with Redis.from_url(place.redis_url) as redis:
        redis.flushall()
    processes = Processes(environment_of(contender, place), place.logs / contender.name, contender.root)
    try:
        for number, helper in enumerate(contender.helpers):
            processes.start(f"helper-{number}", (contender.python(place.venvs), *helper))
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
