"""The rounds: in each, every contender has its turn, so that a slow stretch of the machine hits all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.environments import create_database, install, migrate, run
from tests.bench.processes import ROOT
from tests.bench.report import Figures, Summary
from tests.bench.turns import Turns, rotated, say
from tests.bench.usage import Meter

from .backlog import Backlog
from .contenders import Contender
from .history import PAST
from .latency import measure_latency
from .ours import SETTINGS
from .place import Load, Place
from .report import REPORT
from .session import measure, running

TEMPLATE = "bench_outbox_template"


class Bench:
    """Contenders, their databases, and what was measured."""

    def __init__(self, load: Load, environment: dict[str, str], home: Path, meter: Meter) -> None:
        self.load = load
        self.environment = environment
        self.server = environment["DATABASE_URL"]
        self.urls: dict[str, str] = {}
        self.place = Place(self.urls, environment["REDIS_URL"], home / "venvs", home / "logs", environment)
        self.meter = meter
        self.turns = Turns()
        self.models: set[tuple[str, int]] = set()

    @property
    def summaries(self) -> dict[str, Summary]:
        return {name: REPORT.summarise(figures) for name, figures in self.turns.measured.items()}

    def prepare(self, chosen: Sequence[Contender]) -> None:
        """Install the rivals and make the databases. A contender that cannot be prepared is left out, and named."""
        migrate(create_database(self.server, TEMPLATE), SETTINGS, self.environment)
        for contender in chosen:
            self.turns.attempt(contender, self._prepare)

    def rounds(self, count: int, chosen: Sequence[Contender], *, title: str = "round") -> None:
        """Every contender in turn, so many times, each time in another order; the time to arrival of those timed."""
        for number in range(1, count + 1):
            self.turns.begin_round()
            for contender in rotated(chosen, number):
                self.turns.measure(f"{title} {number}", contender, self._measure)

    def _measure(self, contender: Contender) -> Figures:
        figures = measure(contender, self.place, self.meter, self.load)
        if contender.timed:
            figures |= measure_latency(contender, self.place, self.meter, self.load)
        return figures

    def _prepare(self, contender: Contender) -> None:
        if contender.rival:
            install(contender.rival, self.place.venvs, contender.oldest)
        is_new = contender.database not in self.urls
        if is_new:
            self._make_tables(contender)
        self._write_model(contender)
        if is_new and contender.history:
            self._fill(contender)

    def _make_tables(self, contender: Contender) -> None:
        """Its database, with our tables when it is this relay: as the code has them that runs."""
        present = contender.is_ours and contender.root == ROOT
        name, template = f"bench_outbox_{contender.database}", TEMPLATE if present else "template1"
        url = create_database(self.server, name.replace(".", "_"), template)
        if contender.is_ours and not present:
            migrate(url, SETTINGS, self.environment, contender.root)
        self.urls[contender.database] = url

    def _write_model(self, contender: Contender) -> None:
        """Have the contender write the events that its rows are copies of, once for each number of keys."""
        if (contender.database, contender.keys) in self.models:
            return
        command = (contender.python(self.place.venvs), "-m", contender.program, "prepare", str(contender.keys))
        what = f"{contender.name} cannot be prepared"
        run(command, self.place.environment_of(contender), what=what, root=contender.root)
        backlog = Backlog(self.urls[contender.database], contender.table, contender.keys)
        backlog.keep_model()
        backlog.close()
        self.models.add((contender.database, contender.keys))

    def _fill(self, contender: Contender) -> None:
        say(f"filling {contender.database} with {contender.history} published messages …")
        begun = time.monotonic()
        with running(replace(contender, history=0), self.place, self.meter) as session:
            session.drain(1)
        PAST.fill(self.urls[contender.database], contender.history, say)
        say(f"filled in {time.monotonic() - begun:.0f} s")
