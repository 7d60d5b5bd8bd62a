"""The charts of the admin, in words: what is drawn of the last hour, day or month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from outbox.messages.durations import say

from ...models import Attempt, RunStatus, Tally
from ...monitoring.history import FAILURES, Counted, Course, History, Range, read
from ..labels import readable
from .charts import Chart, Line

MOST = 5
"""Steps that have a line of their own; the others share one."""
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
ESTIMATED = "Estimated within the bounds of a histogram."
Wanted = Callable[[Counted], bool]


def all_charts(range_: Range) -> list[Chart]:
    """All of them, as of now; two statements."""
    history = read(range_)
    times = [_time(range_, at) for at in history.times]

    def chart(key: str, title: str, note: str, courses: Sequence[Course], says: Callable[[float], str]) -> Chart:
        return Chart(key, title, note, times, [Line(one.name, one.values) for one in courses], says)

    return [
        chart("ended", "Runs that ended", "", _ended(history), _number),
        chart("durations", "How long completed runs took", ESTIMATED, _durations(history), _span),
        chart("refusals", "Refusals by step", "A participant said no.", _by_step(history, _refused), _number),
        chart("failures", "Failures by step", _FAILS, _by_step(history, _failed), _number),
        chart("steps", "p95 of an attempt, the busiest steps", ESTIMATED, _attempts(history), _span),
        chart("retries", "Retries by participant", _RETRIES, history.retries_by_participant(), _number),
        chart("lag", "Lag of the outbox", _LAG, _lags(history), _span),
    ]


_FAILS = "No clear answer, a lost worker, or a failure of our own."
_RETRIES = "Attempts that were not the first of their step or its undo."
_LAG = "How long the oldest message had waited to be published: the mean of what was seen every ten seconds."


def _ended(history: History) -> list[Course]:
    words = {RunStatus.COMPLETED: "completed", RunStatus.COMPENSATED: "undone", RunStatus.RESOLVED: "resolved by hand"}
    return [history.counts(word, _run(status)) for status, word in words.items()]


def _durations(history: History) -> list[Course]:
    completed = _run(RunStatus.COMPLETED)
    return [history.quantile(name, share, completed) for name, share in QUANTILES.items()]


def _by_step(history: History, wanted: Wanted) -> list[Course]:
    """A line for each step that has the most, and one for the others together."""
    most = history.most(wanted, MOST + 1)
    own = most if len(most) <= MOST else most[: MOST - 1]
    lines = [history.counts(_step(*key), _of(key, wanted)) for key in own]
    if len(most) > len(own):
        lines.append(history.counts("others", lambda row: wanted(row) and (row.saga, row.name) not in own))
    return lines


def _attempts(history: History) -> list[Course]:
    return [history.quantile(_step(*key), 0.95, _of(key, _answered)) for key in history.most(_answered, MOST)]


def _lags(history: History) -> list[Course]:
    destinations = sorted({row.name for row in history.rows if row.kind == Tally.Kind.LAG})
    return [history.mean(name, _of(("", name), lambda row: row.kind == Tally.Kind.LAG)) for name in destinations]


def _run(status: RunStatus) -> Wanted:
    return lambda row: row.kind == Tally.Kind.RUN and row.outcome == status


def _of(key: tuple[str, str], wanted: Wanted) -> Wanted:
    return lambda row: (row.saga, row.name) == key and wanted(row)


def _refused(row: Counted) -> bool:
    return row.kind in (Tally.Kind.STEP, Tally.Kind.UNDO) and row.outcome == Attempt.Outcome.REFUSED


def _failed(row: Counted) -> bool:
    return row.kind in (Tally.Kind.STEP, Tally.Kind.UNDO) and row.outcome in FAILURES


def _answered(row: Counted) -> bool:
    return row.kind == Tally.Kind.STEP and row.outcome != Attempt.Outcome.LOST


def _step(saga: str, name: str) -> str:
    return f"{saga}: {readable(name).lower()}"


def _time(range_: Range, at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local:%d %b}" if range_ is Range.MONTH else f"{local:%H:%M}"


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _span(seconds: float) -> str:
    return "0 s" if not seconds else say(timedelta(seconds=seconds))
