"""What becomes of the ticks that are due: pure functions, tested as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ..declare.schedule import Missed, Overlap

ON_TIME = timedelta(minutes=1)
"""A tick that is seen within this time is not late."""
AT_ONCE = 20
"""So many runs one look starts at most; the next look goes on."""


class Fate(Enum):
    """What becomes of a tick."""

    RUN = "run"
    """It is started, or waits its turn."""
    MISSED = "missed"
    PAUSED = "paused"
    BUSY = "busy"
    """It is left out, because an earlier run has not ended."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the schedule stands when its ticks are planned."""

    missed: Missed
    overlap: Overlap
    is_paused: bool = False
    is_busy: bool = False
    """Whether a run has not ended, apart from those that are filled in."""
    more_follow: bool = False
    """Whether more ticks are due than are planned at once."""


def fates(ticks: Iterable[datetime], now: datetime, standing: Standing) -> Iterator[tuple[datetime, Fate]]:
    """For each tick that is due, the earliest first, what becomes of it."""
    due, busy = list(ticks), standing.is_busy
    for tick in due:
        fate = _fate(tick, now, standing, is_busy=busy, is_latest=tick == due[-1] and not standing.more_follow)
        busy = busy or fate is Fate.RUN
        yield tick, fate


def _fate(tick: datetime, now: datetime, standing: Standing, *, is_busy: bool, is_latest: bool) -> Fate:
    is_late = now - tick > ON_TIME
    if standing.is_paused:
        return Fate.PAUSED
    if (standing.missed == "once" and not is_latest) or (standing.missed == "skip" and is_late):
        return Fate.MISSED
    catches_up = standing.missed == "all" and is_late
    if standing.overlap == "skip" and is_busy and not catches_up:
        return Fate.BUSY
    return Fate.RUN


def may_start(overlap: Overlap, running: int) -> int:
    """How many of those that wait may be started now. `running`: how many have not ended."""
    if overlap == "start":
        return AT_ONCE
    return 0 if running else 1
