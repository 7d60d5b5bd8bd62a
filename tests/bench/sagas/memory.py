"""How much memory the engine's workers hold after a few runs, and after many."""

from __future__ import annotations

import time

from tests.bench.report import Figures
from tests.bench.usage import Meter, resident_megabytes

from .contenders import Contender
from .session import SETTLE, Place, Session, running

AT_ONCE = 1_000  # runs submitted at once
EARLY = 20
"""The first look comes after a part of the runs as small as this says."""


def measure_memory(contender: Contender, place: Place, meter: Meter, runs: int) -> tuple[list[Figures], list[Figures]]:
    """What each worker holds after a twentieth of so many runs, and after all of them."""
    with running(contender, place, meter) as session:
        few = max(1, runs // EARLY)
        return after(session, few), after(session, runs - few)


def after(session: Session, runs: int) -> list[Figures]:
    """Megabytes that each worker holds, a process each, once so many more runs are done."""
    for done in range(0, runs, AT_ONCE):
        session.burst(min(AT_ONCE, runs - done))
    time.sleep(SETTLE)
    return [{"rss_mb": resident_megabytes(pid)} for pid in session.worker_pids]
