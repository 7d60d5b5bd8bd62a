"""How a participant is treated: how many calls it takes, when it counts as away, and how it is gone back to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

BURST = 1.0
"""Seconds: waiting runs that could have been released earlier are made up for, up to this long a time's worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """The policy for one participant; `SAGAS_PARTICIPANTS` holds one by name, the others get these defaults.

    Limits that are None cost nothing: without them a call to a participant that answers costs no statement.
    """

    at_once: int | None = None
    """How many calls may be under way at once, over all workers."""
    per_second: float | None = None
    """How many calls may begin within any second, over all workers. Turns are spaced evenly."""
    trip_after: int = 3
    """How many failures in a row open the breaker. Keep it below the attempts of the steps, so that an outage opens it
    before it has spent the budget of the first run that met it."""
    hold: timedelta = timedelta(seconds=5)
    """How long an opened breaker holds all calls before it lets one through as a trial; doubled when that one fails."""
    longest_hold: timedelta = timedelta(minutes=1)
    release_per_second: float = 20
    """At what rate waiting runs go on once the participant is back."""

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
        """How long the calls are held after opening `opening` in a row (from 1): `hold`, doubled each time, capped."""
        doublings = opening - 1
        if doublings >= math.log2(self.longest_hold / self.hold):  # in logarithms nothing overflows
            return self.longest_hold
        return self.hold * (1 << doublings)

    def holds(self) -> list[float]:
        """Seconds of `hold_after` for openings 1, 2, 3 …; the last one stands for all that follow."""
        most = 1 + math.ceil(math.log2(self.longest_hold / self.hold))
        return [self.hold_after(opening).total_seconds() for opening in range(1, most + 1)]

    def released(self, seconds: float | None) -> tuple[int, float]:
        """How many waiting runs may go on, `seconds` after those released so far were due; None: never released any.

        Returns the number and how many seconds of the time it does not use up, to be counted next time. A sweep that
        was away for long makes up for at most BURST, so that no stampede follows it; a slow rate for one run.
        """
        rate = min(self.release_per_second, self.per_second or math.inf)
        most = max(BURST, 1 / rate)
        earned = most if seconds is None else min(max(seconds, 0.0), most)
        number = math.floor(earned * rate + 1e-9)
        return number, max(earned - number / rate, 0.0)
