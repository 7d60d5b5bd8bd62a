"""The rounds: all have their turn in each, so that a slow stretch of the machine hits all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from tests.bench.environments import create_database, migrate
from tests.bench.report import Figures, Summary
from tests.bench.sagas.contenders import Contender
from tests.bench.sagas.session import Place, Session, running
from tests.bench.turns import Turns, rotated
from tests.bench.usage import Meter

from .contenders import IDLE, PACKAGE, WAITING
from .report import REPORT
from .submit import WITH_ITEMS

TEMPLATE = "bench_branches_template"


@dataclass(frozen=True)
class Load:
    """How much is asked."""

    warm_up: int = 10
    single_runs: int = 20
    burst: int = 50
    waiting: int = 1_000
    watch: float = 20.0
    """Seconds for which an idle system is watched."""
    settle: float = 8.0
    """Seconds from its start until then."""
    items: int = 1_000


class Bench:
    """Those that are compared, their databases, and what was measured."""

    def __init__(
        self, chosen: Sequence[Contender], load: Load, environment: dict[str, str], home: Path, meter: Meter
    ) -> None:
        self.chosen = list(chosen)
        self.load = load
        self.environment = environment
        self.urls: dict[str, str] = {}
        self.place = Place(self.urls, environment["REDIS_URL"], home / "venvs", home / "logs", environment)
        self.meter = meter
        self.turns = Turns()

    @property
    def summaries(self) -> dict[str, Summary]:
        return {name: REPORT.summarise(figures) for name, figures in self.turns.measured.items()}

    def prepare(self) -> None:
        """Make the databases, and the runs that wait."""
        server = self.environment["DATABASE_URL"]
        migrate(create_database(server, TEMPLATE), f"{PACKAGE}.settings", self.environment)
        for one in self.chosen:
            self.urls[one.name] = create_database(server, f"bench_{one.name}", TEMPLATE)
            if one.name == WAITING:
                self.turns.attempt(one, self._have_wait)

    def rounds(self, count: int) -> None:
        """Each in turn, so many times, each time in another order."""
        for number in range(1, count + 1):
            self.turns.begin_round()
            for one in rotated(self.chosen, number):
                self.turns.measure(f"round {number}", one, self._measure)

    def _have_wait(self, one: Contender) -> None:
        with running(one, self.place, self.meter) as session:
            session.burst(self.load.waiting)
        connection = psycopg2.connect(self.urls[one.name])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
        connection.close()

    def _measure(self, one: Contender) -> Figures:
        with running(one, self.place, self.meter) as session:
            if one.name in (IDLE, WAITING):
                return idle(session, self.load)
            if one.name == WITH_ITEMS:
                return items(session, self.load)
            return runs(session, self.load)


def runs(session: Session, load: Load) -> Figures:
    """Runs one at a time, then many at once, with the CPU of one of them."""
    session.burst(load.warm_up)
    one = statistics.median(session.one() for _ in range(load.single_runs))
    figures = session.measured_slow_burst(load.burst)
    rate = figures["slow"]
    assert rate is not None
    return {"one_s": one / 1000, "burst_s": load.burst / rate, "cpu_ms_per_run": figures["slow_cpu_ms_own"]}


def idle(session: Session, load: Load) -> Figures:
    """What the processes and PostgreSQL take while nothing happens."""
    time.sleep(load.settle)
    before = session.read()
    time.sleep(load.watch)
    after = session.read()
    cpu = after.contender + after.postgresql - before.contender - before.postgresql
    return {"idle_cpu_s": cpu / 1000, "idle_statements": after.statements - before.statements}


def items(session: Session, load: Load) -> Figures:
    """One run with its items."""
    figures = session.measured_slow_burst(1)
    rate, cpu = figures["slow"], figures["slow_cpu_ms_own"]
    assert rate is not None
    assert cpu is not None
    return {"items_s": 1 / rate, "cpu_ms_per_item": cpu / load.items}
