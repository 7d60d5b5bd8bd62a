"""How long a step takes, as this process has seen it."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

SLOW = 0.005  # seconds: who waits for a slower call does something else meanwhile
REMEMBERED = 8  # calls of each step


class Pace:
    """The last calls of each step. It is as quick as the quickest of them: a call may have waited for its turn."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, deque[float]] = {}

    def note(self, step: Hashable, seconds: float) -> None:
        """A call of the step has taken so long."""
        self._seen.setdefault(step, deque(maxlen=REMEMBERED)).append(seconds)

    def is_slow(self, step: Hashable) -> bool:
        """Whether each of its last calls was slow; False of one that was never called."""
        seen = self._seen.get(step)
        return seen is not None and min(seen) > SLOW


pace = Pace()
