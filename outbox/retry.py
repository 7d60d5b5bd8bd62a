"""When to try again: a frozen value with one pure function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Exponential backoff with jitter.

    After failed attempt n (from 1) the wait is `first * factor ** (n - 1)`, at most `longest`. A random part of up to
    `jitter` is taken away, so that work that failed at one moment does not return at one moment. With the defaults: 1
    s, 2 s, 4 s, 8 s … 5 min, each shortened by up to a quarter; eight attempts in all.
    """

    attempts: int | None = 8
    """How often the work is tried in all; None for no limit."""
    first: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    longest: timedelta = timedelta(minutes=5)
    jitter: float = 0.25
    """The largest share of the wait that is taken away at random, 0 to 1."""

    def __post_init__(self) -> None:
        self._check_kinds()
        if self.attempts is not None and not (_is_whole(self.attempts) and self.attempts >= 1):
            raise ValueError(
                f"Retry(attempts={self.attempts!r}): give a whole number, at least 1, or None to retry until done."
            )
        if self.first <= timedelta(0) or self.longest < self.first:
            raise ValueError("Retry: `first` must be positive and `longest` not below it.")
        if self.factor < 1:
            raise ValueError(f"Retry(factor={self.factor}): waits may not shrink; give 1 or more.")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"Retry(jitter={self.jitter}): give a share from 0 to 1.")

    def _check_kinds(self) -> None:
        for name, span in (("first", self.first), ("longest", self.longest)):
            if not isinstance(span, timedelta):
                raise ValueError(f"Retry({name}={span!r}): give a timedelta, such as {name}=timedelta(seconds=1).")
        for name, number in (("factor", self.factor), ("jitter", self.jitter)):
            if not isinstance(number, int | float) or isinstance(number, bool):
                raise ValueError(f"Retry({name}={number!r}): give a number.")

    @classmethod
    def until_done(cls, *, first: timedelta = timedelta(seconds=1), longest: timedelta = timedelta(minutes=5)) -> Retry:
        """No limit of attempts: for work that must happen, such as a step after the pivot."""
        return cls(attempts=None, first=first, longest=longest)

    def delay_after(self, attempt: int, *, roll: float) -> timedelta | None:
        """How long to wait after failed attempt `attempt` (from 1); None when all attempts are used up.

        `roll` is the random number for the jitter, in [0, 1): pass `random.random()`.
        """
        if self.attempts is not None and attempt >= self.attempts:
            return None
        most = self.longest / self.first
        reached = (attempt - 1) * math.log(self.factor) >= math.log(most)  # in logarithms nothing overflows
        return self.first * (most if reached else self.factor ** (attempt - 1)) * (1 - self.jitter * roll)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
