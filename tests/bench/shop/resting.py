"""What a stack takes when nothing is asked of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .stack import Stack

SETTLE = 1.0  # seconds for what still follows
WATCH = 4.0  # seconds


@dataclass(frozen=True)
class Resting:
    """Milliseconds of CPU a second."""

    cpu: float

    @classmethod
    def of(cls, stack: Stack) -> Resting:
        time.sleep(SETTLE)
        before, begun = stack.cpu(), time.monotonic()
        time.sleep(WATCH)
        return cls((stack.cpu() - before) / (time.monotonic() - begun))
