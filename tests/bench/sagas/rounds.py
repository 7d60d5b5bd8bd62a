"""The rounds: in each, every contender has its turn, so that a slow stretch of the machine hits all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.environments import create_database, install, migrate
from tests.bench.processes import ROOT
from tests.bench.report import Figures, Summary
from tests.bench.turns import Turns, rotated, say
from tests.bench.usage import Meter

from . import setup
from .best import Tried, try_out
from .contenders import Contender
from .growth import PAST
from .memory import measure_memory
from .report import EMPTY, MILLION, REPORT, grown
from .session import Load, Place, measure, running

TEMPLATE = "bench_template"
SETTINGS = "tests.bench.sagas.settings"


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
        self.tried: dict[str, Tried] = {}

    @property
    def summaries(self) -> dict[str, Summary]:
        return {name: REPORT.summarise(figures) for name, figures in self.turns.measured.items()}

    def prepare(self) -> None:
        """Install the rivals and make the databases. A rival that cannot be installed is left out, and named."""
        migrate(create_database(self.server, TEMPLATE), SETTINGS, self.environment)
        for contender in self.chosen:
            self.turns.attempt(contender, self._prepare)

    def try_out(self) -> None:
        """Choose the best concurrency of each contender that has several."""
        for contender in [one for one in self.chosen if one.tried]:
            self.turns.attempt(contender, self._try_out)
        self.chosen = [self.tried[one.name].arranged(one) if one.name in self.tried else one for one in self.chosen]

    def rounds(self, count: int) -> None:
        """Every contender in turn, so many times, each time in another order."""
        for number in range(1, count + 1):
            self.turns.begin_round()
            self._round(f"round {number}", rotated(self.chosen, number))

    def memory(self, ours: Contender, runs: int) -> None:
        """What workers hold after a twentieth of so many runs, and after all; a sample a worker."""
        one = replace(ours, name="memory")
        self.urls[one.name] = create_database(self.server, "bench_memory", TEMPLATE)
        self.turns.attempt(one, lambda one: self._memory(one, runs))

    def growth(self, ours: Sequence[Contender], count: int, history: int) -> None:
        """Ours on an empty database and on one with so many finished runs, in turn."""
        several = [replace(one, name=grown(state, one.name)) for one in ours for state in (EMPTY, MILLION)]
        for state in (EMPTY, MILLION):
            url = create_database(self.server, f"bench_{state.replace('.', '_')}", TEMPLATE)
            self.urls |= {one.name: url for one in several if one.name.startswith(state)}
        self.turns.attempt(several[1], lambda one: self._fill(one, history))
        for number in range(1, count + 1):
            self._round(f"growth, round {number}", rotated(several, number))

    def _fill(self, contender: Contender, history: int) -> None:
        say(f"filling {contender.name} with {history} finished runs …")
        begun = time.monotonic()
        with running(contender, self.place, self.meter) as session:
            session.burst(10)
        PAST.fill(self.urls[contender.name], history, say)
        say(f"filled in {time.monotonic() - begun:.0f} s")

    def _memory(self, contender: Contender, runs: int) -> None:
        say(f"carrying {runs} runs for the memory that workers hold …")
        early, late = measure_memory(contender, self.place, self.meter, runs)
        self.turns.measured |= {"memory.early": early, "memory.late": late}

    def _try_out(self, contender: Contender) -> None:
        found = try_out(contender, self.place, self.meter, self.load)
        self.tried[contender.name] = found
        say(f"{contender.name}, runs a second by concurrency: {found.shown()}")

    def _prepare(self, contender: Contender) -> None:
        if contender.rival:
            install(contender.rival, self.place.venvs, contender.oldest)
        present = not contender.rival and contender.root == ROOT
        url = create_database(self.server, f"bench_{contender.name}", TEMPLATE if present else "template1")
        if not contender.rival and not present:
            migrate(url, SETTINGS, self.environment, contender.root)
        self.urls[contender.name] = url
        setup.prepare(contender, url, self.place.venvs, self.environment)

    def _round(self, title: str, those: Sequence[Contender]) -> None:
        for contender in those:
            self.turns.measure(title, contender, self._measure)

    def _measure(self, contender: Contender) -> Figures:
        return measure(contender, self.place, self.meter, self.load)
