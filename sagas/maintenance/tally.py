"""Counts what has ended, each once, by minute, by hour and ever: metrics and charts read these counts, not the runs.

An attempt begins in the order of its id and ends whenever it does. Those that are not over when the tally comes to
them, and those whose claim has not committed yet, are listed in `saga_tally_wait` and looked at again. Runs have no
such order: those of the last minutes are counted anew each time, and what is more than before is added. Counts, list
and mark change in one transaction, so a crash between loses nothing and counts nothing twice.

Not counted: what ended before the first tally, and what commits more than LATE after its time or id was drawn. See
docs/decisions/0055.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from outbox.heartbeats import heartbeat
from outbox.monitoring import health

from ..models import Tally
from ..sql import tally as sql

LATE = timedelta(minutes=2)
"""How long after its time or id was drawn a transaction may commit and is still counted."""
BATCH = 50_000
"""Attempts in one transaction."""
KEPT = {Tally.Span.MINUTE: timedelta(hours=6), Tally.Span.HOUR: timedelta(days=40)}
"""How long rows are kept; those that count ever, always."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Key(NamedTuple):
    """What is counted together within a minute. `name`: the step, or a destination."""

    at: datetime
    kind: str
    saga: str
    name: str
    outcome: str


@dataclass(slots=True)
class Gain:
    """What is added to one count."""

    last_at: datetime
    retries: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(sql.BOUNDS) + 1))

    @property
    def count(self) -> int:
        return sum(self.buckets)

    def add(self, other: Gain) -> None:
        self.last_at = max(self.last_at, other.last_at)
        self.retries += other.retries
        self.seconds += other.seconds
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]


Gains = dict[Key, Gain]


@heartbeat.leaves("sagas.tally", "ended")
def tally() -> int:
    """Add what has ended since the last time; returns how many attempts and runs. Of several at once one adds."""
    total = _tally_batch(lag=True)
    number = total
    while number is not None and number >= BATCH:
        number = _tally_batch(lag=False)
        total = (total or 0) + (number or 0)
    return total or 0


@transaction.atomic
def _tally_batch(*, lag: bool) -> int | None:
    """One batch, in one transaction; None when another process is at it."""
    sql.execute(sql.BEGIN, {})
    mark = sql.fetch(sql.LOCK, {})
    if not mark:
        return None
    after, runs_from, now = mark[0]
    attempts, upto, still = _ended_attempts(after)
    gains = {**attempts, **_more_runs(runs_from)}
    ended = sum(gain.count for gain in gains.values())
    if lag:
        gains.update(_lags(now))
    _add(gains)
    sql.execute(sql.WAIT, {"still": still})
    sql.execute(sql.WAIT_NO_MORE, {"still": still, "late": LATE})
    sql.execute(sql.MOVE, {"attempt": upto, "late": LATE})
    for span, kept in KEPT.items():
        sql.execute(sql.EXPIRE, {"span": int(span), "kept": kept})
    return ended


def _ended_attempts(after: int) -> tuple[Gains, int, list[int]]:
    """The attempts that ended, up to which id was looked, and the ids that are to be looked at again."""
    after, last = sql.fetch(sql.RANGE, {"after": after})[0]
    upto = min(last, after + BATCH)
    waiting = [attempt for (attempt,) in sql.fetch(sql.WAITING, {})]
    rows = sql.fetch(sql.ATTEMPTS, {"after": after, "upto": upto, "waiting": waiting})
    still = next(ids for minute, *_, ids in rows if minute is None)
    return _gains(row[:-1] for row in rows if row[0] is not None), upto, still or []


def _more_runs(since: datetime) -> Gains:
    """The runs that ended from then on, less those that are counted."""
    gains = _gains(sql.fetch(sql.RUNS, {"since": since}))
    for at, saga, outcome, seconds, buckets in sql.fetch(sql.COUNTED_RUNS, {"since": since}):
        gain = gains.get(Key(at, Tally.Kind.RUN, saga, "", outcome))
        if gain is not None:
            gain.seconds = max(gain.seconds - seconds, 0.0)
            gain.buckets = [max(found - counted, 0) for found, counted in zip(gain.buckets, buckets, strict=True)]
    return {key: gain for key, gain in gains.items() if gain.count}


def _lags(now: datetime) -> Gains:
    """How long each destination's oldest message has waited now: one more observation."""
    at = now.replace(second=0, microsecond=0)
    gains: Gains = {}
    for destination, age in health.oldest_unpublished_ages().items():
        seconds = age.total_seconds()
        gain = Gain(now, seconds=seconds)
        gain.buckets[sum(bound < seconds for bound in sql.BOUNDS)] = 1
        gains[Key(at, Tally.Kind.LAG, "", destination, "")] = gain
    return gains


def _gains(rows: Iterable[tuple[Any, ...]]) -> Gains:
    """From rows of one bucket each."""
    gains: Gains = {}
    for at, kind, saga, name, outcome, bucket, count, retries, seconds, last_at in rows:
        gain = gains.setdefault(Key(at, kind, saga, name, outcome), Gain(last_at))
        gain.last_at = max(gain.last_at, last_at)
        gain.retries += retries
        gain.seconds += seconds
        gain.buckets[bucket] += count
    return gains


def _add(gains: Gains) -> None:
    rows: dict[tuple[int, Key], Gain] = {}
    for key, gain in gains.items():
        for span in Tally.Span:
            there = rows.setdefault((span, key._replace(at=_begun(span, key.at))), Gain(gain.last_at))
            there.add(gain)
    if rows:
        sql.execute(sql.ADD, dict(_columns(rows)))


def _begun(span: Tally.Span, at: datetime) -> datetime:
    """When the minute or hour began; the epoch for ever."""
    return EPOCH if span == Tally.Span.EVER else at - timedelta(seconds=(at - EPOCH).total_seconds() % span)


def _columns(rows: dict[tuple[int, Key], Gain]) -> Iterator[tuple[str, list[Any]]]:
    yield "spans", [int(span) for span, _ in rows]
    for name, values in zip(Key._fields, zip(*(key for _, key in rows), strict=True), strict=True):
        yield f"{name}s", [value if name == "at" else str(value) for value in values]
    gains = list(rows.values())
    yield "counts", [gain.count for gain in gains]
    yield "retries", [gain.retries for gain in gains]
    yield "seconds", [gain.seconds for gain in gains]
    yield "buckets", ["{" + ",".join(map(str, gain.buckets)) + "}" for gain in gains]
    yield "lasts", [gain.last_at for gain in gains]
