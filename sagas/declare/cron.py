"""The ticks of a cron expression in a time zone: a pure function, right also where the zone's clock is changed.

The library `cronsim` reads the expression and lists the wall-clock times that it means; when those are is decided here.

* An expression for certain hours, such as `30 2 * * *` or `0 */2 * * *`, is a list of wall-clock times. Each of them is
  one tick. A time that the clock shows twice ticks when it is shown first. A time that the clock leaves out ticks at
  the moment of the change; several of them are one tick then.
* An expression for every hour, such as `0 * * * *` or `*/5 * * * *`, follows the time that passes: it ticks also in an
  hour that the clock shows twice, and not in one that it leaves out. Where the clock is changed by less than an hour
  (Lord Howe Island), what it leaves out of an hour ticks at the moment of the change, and one minute of each hour that
  it shows twice within that hour ticks once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ..errors import SagaDeclarationError

FIELDS = "minute hour day-of-month month day-of-week"
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
NO_CHANGE = timedelta(0)
LONGEST_SPAN = 370 * DAY
HORIZON = 60 * 366 * DAY
"""So far ahead ticks are looked for. The library looks fifty years ahead."""
SOME_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock shows no zone
LONGEST_EXPRESSION, LONGEST_ZONE = 200, 60  # characters; the columns'


@dataclass(frozen=True, slots=True)
class _Span:
    """A span of time through which the zone's clock runs evenly."""

    begin: datetime
    """UTC, as is `end`, which does not belong to it."""
    end: datetime
    offset: timedelta
    """Of the zone's clock to UTC."""
    change: timedelta
    """By how much the clock was put forward at its beginning; negative when it was put back."""

    @property
    def first(self) -> datetime:
        """What the clock shows at its beginning."""
        return _shown(self.begin, self.offset)


class Cron:
    """When a schedule ticks: a cron expression of five fields, by the clock of a time zone."""

    def __init__(self, expression: str, timezone: str) -> None:
        """`timezone`: its name in the IANA database. Raises SagaDeclarationError for what has no ticks."""
        self.expression, self.timezone = expression, timezone
        self.zone = _zone(timezone)
        parsed = _parsed(expression)
        self._every_hour = len(parsed.hours) == 24
        self._once_an_hour = self._every_hour and len(parsed.minutes) == 1

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The ticks after the moment, the earliest first, in UTC."""
        for span in _spans(self.zone, moment.astimezone(UTC)):
            for tick in self._ticks(span):
                if tick > moment:
                    yield tick

    def between(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks after `since`, up to and including `until`, in UTC."""
        return takewhile(lambda tick: tick <= until, self.after(since))

    def local(self, moment: datetime) -> datetime:
        """The moment by the schedule's own clock."""
        return moment.astimezone(self.zone)

    def explain(self) -> str:
        """The expression in words."""
        return _parsed(self.expression).explain()

    def _ticks(self, span: _Span) -> Iterator[datetime]:
        left_out = span.change > NO_CHANGE and self._leaves_out(span)
        if left_out:
            yield span.begin
        for wall in self._walls(span.first):
            tick = (wall - span.offset).replace(tzinfo=UTC)
            if tick >= span.end:
                return
            if not (self._was_shown(span, wall) or (left_out and tick == span.begin)):
                yield tick

    def _leaves_out(self, span: _Span) -> bool:
        """Whether the clock, put forward, leaves out a time that is to tick at the change."""
        since = span.first - span.change
        if self._every_hour:  # of the hour that it shows in part; a whole hour has not passed
            since = max(since, span.first.replace(minute=0, second=0))
        return since < span.first and next(self._walls(since)) < span.first

    def _was_shown(self, span: _Span, wall: datetime) -> bool:
        """Whether the clock, put back, has shown this time before, and it ticked then."""
        again = wall < span.first - span.change
        return again and (not self._every_hour or (self._once_an_hour and -span.change < HOUR))

    def _walls(self, since: datetime) -> Iterator[datetime]:
        """The wall-clock times that the expression means, from `since` on."""
        return iter(CronSim(self.expression, since - SECOND))


def _spans(zone: ZoneInfo, moment: datetime) -> Iterator[_Span]:
    """From two days before the moment, so that a change shortly before it is seen."""
    begin, change = moment - 2 * DAY, NO_CHANGE
    last = moment + HORIZON
    while begin < last:
        offset = _offset(zone, begin)
        end = _end(zone, begin, offset)
        yield _Span(begin, end, offset, change)
        begin, change = end, _offset(zone, end) - offset


def _end(zone: ZoneInfo, begin: datetime, offset: timedelta) -> datetime:
    """The first moment with another offset; a year and a few days later when there is none by then.

    Looked for day by day: no zone changes its clock twice within a day.
    """
    day = begin
    while day < begin + LONGEST_SPAN:
        if _offset(zone, day + DAY) != offset:
            return _change_within(zone, day, day + DAY, offset)
        day += DAY
    return day


def _change_within(zone: ZoneInfo, before: datetime, after: datetime, offset: timedelta) -> datetime:
    """The first second with another offset; `before` has this one."""
    low, high = int(before.timestamp()), int(after.timestamp()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or NO_CHANGE


def _shown(moment: datetime, offset: timedelta) -> datetime:
    return moment.replace(tzinfo=None) + offset


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise SagaDeclarationError(
            f'timezone={name!r:.80}; give a name of the IANA database, such as timezone="Europe/Berlin". '
            "Where the system has no such database, install tzdata."
        ) from error


def _parsed(expression: str) -> CronSim:
    """Raises SagaDeclarationError for what is no cron expression, and for dates that never come."""
    wanted = f'give five fields, {FIELDS}, such as cron="0 3 * * *"'
    if not isinstance(expression, str) or len(expression.split()) != len(FIELDS.split()):
        raise SagaDeclarationError(f"cron={expression!r:.80}; {wanted}.")
    if len(expression) > LONGEST_EXPRESSION:
        raise SagaDeclarationError(
            f"cron={expression!r:.80} has more than {LONGEST_EXPRESSION} characters; shorten it."
        )
    try:
        parsed = CronSim(expression, SOME_DAY)
        next(CronSim(expression, SOME_DAY))
    except (CronSimError, ValueError) as error:
        raise SagaDeclarationError(f"cron={expression!r:.80}: {error}; {wanted}.") from error
    except StopIteration:
        raise SagaDeclarationError(f"cron={expression!r:.80} has no tick within fifty years; {wanted}.") from None
    return parsed
