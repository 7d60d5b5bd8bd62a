"""The ticks of schedules in a host's tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sagas.declare.schedule import Schedule
from sagas.schedules.look import look


def ticks_between(schedule: Schedule[Any], since: datetime, until: datetime) -> list[datetime]:
    """What ticks there would be after `since`, up to and including `until`, by the schedule's own clock."""
    return [schedule.cron.local(tick) for tick in schedule.ticks_between(since, until)]


def schedules_look(now: datetime | None = None) -> int:
    """Do what beat has done each second: start what is due now, or at the time given; returns how many runs started.

    A schedule begins when it is first looked at: look once, let `time_passes` or give a later time, and look again.
    """
    return look(now)
