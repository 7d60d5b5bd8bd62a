"""A time axis on which both three seconds and three weeks can be read: to scale, but for long stretches of nothing.

A stretch in which nothing happens, and which would take more of the axis than all the rest can spare, is cut: it is
drawn at a fixed width, with its true length written on it. Everything else keeps one scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

CUT_FROM = 0.2
"""A stretch of nothing that takes more than this share of what is left uncut is cut."""
CUT_WIDTH = 0.08
"""The share of the axis that a cut stretch takes."""
MOST_CUTS = 6
SHORTEST = timedelta(milliseconds=1)
"""The least length of an axis."""
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch that is not to scale: where it lies, in per cent of the axis, and how long it is."""

    left: float
    width: float
    lasted: timedelta

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


class Axis:
    """From `begin` to `end`, in per cent."""

    def __init__(self, begin: datetime, end: datetime, busy: Iterable[Span]) -> None:
        """`busy` are the stretches in which something happens; a moment may be one of no length."""
        self.begin, self.end = begin, max(end, begin + SHORTEST)
        cut = _cuts(list(_idle(self.begin, self.end, sorted(busy))), self.end - self.begin)
        scaled = (self.end - self.begin) - sum((end - start for start, end in cut), timedelta())
        share = 1 - CUT_WIDTH * len(cut)
        self._pieces: list[tuple[datetime, datetime, float, float]] = []
        """Start, end, and where these lie in per cent."""
        self.cuts: list[Cut] = []
        at, left = self.begin, 0.0
        for start, finish in [*cut, (self.end, self.end)]:
            left = self._add(at, start, left, 100 * share * ((start - at) / scaled) if scaled else 0.0)
            if start < finish:
                self.cuts.append(Cut(left, 100 * CUT_WIDTH, finish - start))
                left = self._add(start, finish, left, 100 * CUT_WIDTH)
            at = finish

    def at(self, moment: datetime) -> float:
        """Where the moment lies, 0 to 100; what lies outside is at an end."""
        for start, end, left, width in self._pieces:
            if moment <= end:
                return left + width * (max(moment - start, timedelta()) / (end - start))
        return 100.0

    def _add(self, start: datetime, end: datetime, left: float, width: float) -> float:
        if start < end:
            self._pieces.append((start, end, left, width))
            return left + width
        return left


def _idle(begin: datetime, end: datetime, busy: Sequence[Span]) -> Iterable[Span]:
    """The stretches between `begin` and `end` in which nothing happens, in order."""
    at = begin
    for start, finish in busy:
        if start > at:
            yield at, start
        at = max(at, finish)
    if at < end:
        yield at, end


def _cuts(idle: list[Span], whole: timedelta) -> list[Span]:
    """The stretches to cut, in order. Each that is cut leaves less uncut, in which the next ones weigh more."""
    chosen: list[Span] = []
    for span in sorted(idle, key=lambda one: one[1] - one[0], reverse=True):
        length = span[1] - span[0]
        if len(chosen) == MOST_CUTS or length <= whole * CUT_FROM:
            break
        chosen.append(span)
        whole -= length
    return sorted(chosen)
