"""How the last hour, day or month went: the tally's rows, summed by as many seconds as a point of a chart covers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ..models import Attempt, Tally
from ..sql import tally as sql
from .metrics import participants_of_steps

FAILURES = (Attempt.Outcome.IN_DOUBT, Attempt.Outcome.LOST, Attempt.Outcome.OURS)
"""Outcomes that nobody wants: no clear answer, a lost worker, a failure of our own."""


class Range(Enum):
    """How far a chart looks back, how much time one of its points covers, and which rows it reads."""

    HOUR = ("1h", "1 hour", timedelta(minutes=1), 60, Tally.Span.MINUTE)
    DAY = ("24h", "24 hours", timedelta(hours=1), 24, Tally.Span.HOUR)
    MONTH = ("30d", "30 days", timedelta(days=1), 30, Tally.Span.HOUR)

    def __init__(self, key: str, title: str, every: timedelta, points: int, span: Tally.Span) -> None:
        self.key, self.title, self.every, self.points, self.span = key, title, every, points, span


@dataclass(frozen=True, slots=True)
class Course:
    """A quantity at each point: None where there is nothing to say, such as the duration of no runs."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """What ended alike within one point's time. `name`: the step, or the destination."""

    at: datetime
    kind: str
    saga: str
    name: str
    outcome: str
    count: int
    retries: int
    seconds: float
    buckets: list[int]


@dataclass(frozen=True)
class History:
    """What was counted within a range. `times`: when each point began, the oldest first; the last one goes on."""

    times: tuple[datetime, ...]
    rows: tuple[Counted, ...]

    def counts(self, name: str, wanted: Callable[[Counted], bool], of: str = "count") -> Course:
        """How many of the wanted there were at each point. `of`: count or retries."""
        return Course(name, tuple(float(sum(getattr(row, of) for row in rows)) for rows in self._by_time(wanted)))

    def quantile(self, name: str, share: float, wanted: Callable[[Counted], bool]) -> Course:
        """The seconds within which that share of the wanted was over, estimated within a bucket of the histogram."""
        return Course(name, tuple(quantile(share, [row.buckets for row in rows]) for rows in self._by_time(wanted)))

    def mean(self, name: str, wanted: Callable[[Counted], bool]) -> Course:
        """The mean of the wanted's seconds at each point."""
        points = ((sum(row.seconds for row in rows), sum(row.count for row in rows)) for rows in self._by_time(wanted))
        return Course(name, tuple(seconds / count if count else None for seconds, count in points))

    def most(self, wanted: Callable[[Counted], bool], limit: int, of: str = "count") -> list[tuple[str, str]]:
        """The sagas and names with the most of the wanted, the most first; none that has 0."""
        totals: dict[tuple[str, str], int] = {}
        for row in filter(wanted, self.rows):
            key = (row.saga, row.name)
            totals[key] = totals.get(key, 0) + getattr(row, of)
        ordered = sorted((key for key, total in totals.items() if total), key=lambda key: (-totals[key], key))
        return ordered[:limit]

    def retries_by_participant(self) -> list[Course]:
        """Attempts that were not the first, by the participant that the step calls; those without any are missing."""
        calls = participants_of_steps()
        names = sorted(
            {calls[row.saga, row.name] for row in self.rows if row.retries and (row.saga, row.name) in calls}
        )

        def calling(name: str) -> Callable[[Counted], bool]:
            return lambda row: calls.get((row.saga, row.name)) == name

        return [self.counts(name, calling(name), of="retries") for name in names]

    def _by_time(self, wanted: Callable[[Counted], bool]) -> Iterable[list[Counted]]:
        found: dict[datetime, list[Counted]] = {at: [] for at in self.times}
        for row in filter(wanted, self.rows):
            found[row.at].append(row)
        return found.values()


def read(range_: Range) -> History:
    """The range up to now. Reads the rows of the range by the index of the tally; no run and no attempt."""
    every = range_.every
    last: datetime = sql.fetch(sql.BEGUN, {"every": every.total_seconds()})[0][0]
    times = tuple(last - n * every for n in reversed(range(range_.points)))
    asked = {"every": every.total_seconds(), "span": int(range_.span), "since": times[0]}
    rows = (Counted(*row) for row in sql.fetch(sql.HISTORY, asked))
    return History(times, tuple(row for row in rows if row.at <= last))


def quantile(share: float, histograms: Sequence[Sequence[int]]) -> float | None:
    """Seconds, as Prometheus's histogram_quantile: linear within a bucket; what is above the last bound is that bound.

    None when nothing was observed.
    """
    counts: list[int] = [sum(column) for column in zip(*histograms, strict=True)]
    total = sum(counts)
    if not total:
        return None
    rank, below = share * total, 0
    for n, count in enumerate(counts[:-1]):
        if count and below + count >= rank:
            begin, end = float(sql.BOUNDS[n - 1]) if n else 0.0, float(sql.BOUNDS[n])
            return begin + (end - begin) * (rank - below) / count
        below += count
    return float(sql.BOUNDS[-1])
