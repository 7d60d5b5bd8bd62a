"""What every contender's run consists of: five steps, three of which wait when the run is slow. No imports of ours."""

from __future__ import annotations

import time

STEPS = ("authorize", "reserve", "book", "capture", "dispatch")
SLOW = frozenset({"reserve", "book", "capture"})
PAUSE = 0.05  # seconds that a slow step waits for its participant


def act(step: str, number: int, slow: bool) -> str:
    """Carry out one step of run `number`; returns what a participant would, a reference."""
    if slow and step in SLOW:
        time.sleep(PAUSE)
    return f"{step}_{number}"
