"""The rounds: in each, every contender has its turn, so that a slow stretch of the machine hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.environments import create_database, install, migrate
from tests.bench.report import Figures, Summary
from tests.bench.turns import Turns, say
from tests.bench.usage import Meter

from . import setup
from .contenders import Contender
from .growth import PAST
from .report import REPORT
from .session import Load, Place, measure, measure_slow, running

TEMPLATE = "bench_template"
SETTINGS = "tests.bench.sagas.settings"
Measure = Callable[[Contender, Place, Meter, Load], Figures]


class Bench:
    """Contenders, their databases, and what was measured."""

    def __init__(
        self, chosen: Sequence[Contender], load: Load, environment: dict[str, str], home: Path, meter: Meter
    ) -> None:
        self.chosen = list(chosen)
        self.load = load
        self.environment = environment
        self.server = environment["DATABASE_URL"]
        self.urls: dict[str, str] = {}
        self.place = Place(self.urls, environment["REDIS_URL"], home / "venvs", home / "logs", environment)
        self.meter = meter
        self.turns = Turns()

    @property
    def summaries(self) -> dict[str, Summary]:
        return {name: REPORT.summarise(figures) for name, figures in self.turns.measured.items()}

    def prepare(self) -> None:
        """Install the rivals and make the databases. A rival that cannot be installed is left out, and named."""
        migrate(create_database(self.server, TEMPLATE), SETTINGS, self.environment)
        for contender in self.chosen:
            self.turns.attempt(contender, self._prepare)

    def rounds(self, count: int, *, slow: bool) -> None:
        """Every contender in turn, so many times."""
        for number in range(1, count + 1):
            self.turns.begin_round()
            self._round(f"round {number}", self.chosen, measure)
            if slow:
                self._round(f"round {number}, slow", self.chosen, measure_slow)

    def growth(self, ours: Contender, count: int, history: int) -> None:
        """Ours in its default on an empty database and on one with so many finished runs, in turn."""
        both = [replace(ours, name="growth.empty"), replace(ours, name="growth.million")]
        for contender in both:
            self.urls[contender.name] = create_database(self.server, contender.name.replace(".", "_"), TEMPLATE)
        self.turns.attempt(both[1], lambda one: self._fill(one, history))
        for number in range(1, count + 1):
            self._round(f"growth, round {number}", both, measure)

    def _fill(self, contender: Contender, history: int) -> None:
        say(f"filling {contender.name} with {history} finished runs …")
        begun = time.monotonic()
        with running(contender, self.place, self.meter) as session:
            session.burst(10)
        PAST.fill(self.urls[contender.name], history, say)
        say(f"filled in {time.monotonic() - begun:.0f} s")

    def _prepare(self, contender: Contender) -> None:
        ours = not contender.rival
        if contender.rival:
            install(contender.rival, self.place.venvs)
        name = f"bench_{contender.name}"
        url = create_database(self.server, name, TEMPLATE if ours else "template1")
        self.urls[contender.name] = url
        setup.prepare(contender, url, self.place.venvs, self.environment)

    def _round(self, title: str, those: Sequence[Contender], measuring: Measure) -> None:
        for contender in those:
            self.turns.measure(title, contender, lambda one: measuring(one, self.place, self.meter, self.load))
