"""The rounds: in each, every contender has its turn, so that a slow stretch of the machine hits all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg2

from . import report, setup
from .contenders import Contender
from .errors import BenchError
from .growth import fill
from .session import Figures, Load, Place, measure, measure_slow, running
from .usage import Meter

TEMPLATE = "bench_template"
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
        self.measured: dict[str, list[Figures]] = {}
        self.failures: dict[str, str] = {}
        self.loads: list[float] = []
        """The machine's load average at the beginning of each round."""

    @property
    def summaries(self) -> dict[str, report.Summary]:
        return {name: report.summarise(figures) for name, figures in self.measured.items()}

    def prepare(self) -> None:
        """Install the rivals and make the databases. A rival that cannot be installed is left out, and named."""
        setup.migrate(setup.create_database(self.server, TEMPLATE), self.environment)
        for contender in self.chosen:
            self._try(contender, self._prepare)

    def rounds(self, count: int, *, slow: bool) -> None:
        """Every contender in turn, so many times."""
        for number in range(1, count + 1):
            self.loads.append(round(os.getloadavg()[0], 2))
            self._round(f"round {number}", self.chosen, measure)
            if slow:
                self._round(f"round {number}, slow", self.chosen, measure_slow)

    def growth(self, ours: Contender, count: int, history: int) -> None:
        """Ours in its default on an empty database and on one with so many finished runs, in turn."""
        both = [replace(ours, name="growth.empty"), replace(ours, name="growth.million")]
        for contender in both:
            self.urls[contender.name] = setup.create_database(self.server, contender.name.replace(".", "_"), TEMPLATE)
        self._try(both[1], lambda one: self._fill(one, history))
        for number in range(1, count + 1):
            self._round(f"growth, round {number}", both, measure)

    def _fill(self, contender: Contender, history: int) -> None:
        say(f"filling {contender.name} with {history} finished runs …")
        begun = time.monotonic()
        with running(contender, self.place, self.meter) as session:
            session.burst(10)
        fill(self.urls[contender.name], history, say)
        say(f"filled in {time.monotonic() - begun:.0f} s")

    def _prepare(self, contender: Contender) -> None:
        ours = not contender.rival
        if contender.rival:
            setup.install(contender.rival, self.place.venvs)
        name = f"bench_{contender.name}"
        url = setup.create_database(self.server, name, TEMPLATE if ours else "template1")
        self.urls[contender.name] = url
        setup.prepare(contender, url, self.place.venvs, self.environment)

    def _round(self, title: str, those: Sequence[Contender], measuring: Measure) -> None:
        for contender in those:
            self._try(contender, lambda one: self._measure(title, one, measuring))

    def _measure(self, title: str, contender: Contender, measuring: Measure) -> None:
        begun = time.monotonic()
        figures = measuring(contender, self.place, self.meter, self.load)
        self.measured.setdefault(contender.name, []).append(figures)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if value is not None)
        say(f"{title}: {contender.name}: {shown} ({time.monotonic() - begun:.0f} s)")

    def _try(self, contender: Contender, act: Callable[[Contender], None]) -> None:
        """Do it; a contender that fails once is named with its reason and has no further turn."""
        if contender.name in self.failures:
            return
        try:
            act(contender)
        except (BenchError, psycopg2.Error) as error:
            self.failures[contender.name] = str(error).strip()
            say(f"{contender.name} FAILED: {error}")


def say(text: str) -> None:
    print(text, flush=True)
