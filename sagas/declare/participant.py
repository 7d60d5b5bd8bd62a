"""The policy for a participant: its rate limits, when its circuit breaker opens, and how fast runs come back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

BURST = 1.0
"""Seconds. After a delay, at most the runs that this time allows are released at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """The policy for one participant, set in `SAGAS_PARTICIPANTS` under its name; others get these defaults.

    Without limits, a call costs no SQL statement while the breaker is closed. Raises ValueError for nonsense.
    """

    at_once: int | None = None
    """The most calls at the same time, over all workers; None for no limit."""
    per_second: float | None = None
    """The most calls per second, over all workers, evenly spaced; None for no limit."""
    trip_after: int = 3
    """How many failures in a row open the breaker. Keep it below the attempts of the steps, so that an outage opens the
    breaker before it has spent all attempts of one run."""
    hold: timedelta = timedelta(seconds=5)
    """How long an open breaker holds all calls before it tries one; each trial that fails doubles this."""
    longest_hold: timedelta = timedelta(minutes=1)
    release_per_second: float = 20
    """How many waiting runs continue per second once the participant is back."""

    def __post_init__(self) -> None:
        self._check_types()
        if self.at_once is not None and self.at_once < 1:
            raise ValueError(f"Participant(at_once={self.at_once}): give at least 1, or None for no limit.")
        if self.per_second is not None and not 0 < self.per_second < math.inf:
            raise ValueError(f"Participant(per_second={self.per_second}): give more than 0, or None for no limit.")
        if self.trip_after < 1:
            raise ValueError(f"Participant(trip_after={self.trip_after}): give at least 1.")
        if self.hold <= timedelta(0) or self.longest_hold < self.hold:
            raise ValueError("Participant: `hold` must be positive and `longest_hold` not below it.")
        if not 0 < self.release_per_second < math.inf:
            raise ValueError(f"Participant(release_per_second={self.release_per_second}): give more than 0.")

    def _check_types(self) -> None:
        for name in ("at_once", "trip_after", "per_second", "release_per_second"):
            value = getattr(self, name)
            kind, wanted = (int, "a whole number") if name in ("at_once", "trip_after") else (int | float, "a number")
            unlimited = value is None and name in ("at_once", "per_second")
            if not unlimited and (not isinstance(value, kind) or isinstance(value, bool)):
                raise ValueError(f"Participant({name}={value!r}): give {wanted}.")
        for name in ("hold", "longest_hold"):
            span = getattr(self, name)
            if not isinstance(span, timedelta):
                raise ValueError(f"Participant({name}={span!r}): give a timedelta, such as timedelta(seconds=5).")

    def hold_after(self, opening: int) -> timedelta:
        """The hold after opening number `opening` in a row, from 1: `hold`, doubled each time, up to `longest_hold`."""
        doublings = opening - 1
        if doublings >= math.log2(self.longest_hold / self.hold):  # in logarithms nothing overflows
            return self.longest_hold
        return self.hold * (1 << doublings)

    def holds(self) -> list[float]:
        """`hold_after` in seconds for openings 1, 2, 3 …; the last value holds for all later ones."""
        most = 1 + math.ceil(math.log2(self.longest_hold / self.hold))
        return [self.hold_after(opening).total_seconds() for opening in range(1, most + 1)]

    def released(self, seconds: float | None) -> tuple[int, float]:
        """How many waiting runs may continue now; `seconds` is the time since the last release, None before the first.

        Returns the number of runs, and the seconds of that time left over for the next release. However late the sweep
        is, at most BURST seconds count (or the time for one run), so that not all runs come back at once.
        """
        rate = min(self.release_per_second, self.per_second or math.inf)
        most = max(BURST, 1 / rate)
        earned = most if seconds is None else min(max(seconds, 0.0), most)
        number = math.floor(earned * rate + 1e-9)
        return number, max(earned - number / rate, 0.0)
