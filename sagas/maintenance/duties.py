"""The engine's periodic duties, and what may wait for them how long. Importing this registers them."""

from __future__ import annotations

from datetime import datetime, timedelta

from outbox.heartbeats.duties import register_duty, register_wait
from outbox.relay.lookback import Lookback

from .. import sql
from ..engine.taking import ready_times
from ..presentation import canary
from ..schedules.look import late
from ..sql import participants
from . import canary as declared  # noqa: F401 - every process knows the saga
from .sweep import wake_times

MINUTE = timedelta(minutes=1)

# Reads one row, on the index saga_run_wake or saga_run_ready.
OLDEST = """
SELECT clock_timestamp() - {time} FROM saga_run
WHERE {time} <= clock_timestamp() AND {time} >= coalesce(%(since)s, '-infinity'::timestamptz) AND paused_at IS NULL
ORDER BY {time} LIMIT 1
"""
# How long a run could have continued: its participant answers, or a trial of it is due. NULL while an operator holds
# the calls, or when no run waits.
RETURNING = f"""
SELECT max(clock_timestamp() - greatest(p.released_at, CASE p.state WHEN 'closed' THEN p.updated_at
                                                       WHEN 'open' THEN p.open_until ELSE p.trial_until END))
FROM ({participants.WAITED_FOR}) waited JOIN saga_participant p USING (name)
WHERE (p.state <> 'open' OR p.open_until IS NOT NULL)
  AND EXISTS (SELECT FROM saga_run r WHERE r.waits_for = p.name AND r.waits_for <> '' AND r.paused_at IS NULL)
"""


def overdue() -> timedelta | None:
    """How long the oldest overdue run is overdue; None when none is."""
    return _age_of_oldest("wake_at", wake_times)


def untaken() -> timedelta | None:
    """How long the run that has waited longest for any worker has waited; None when none waits."""
    return _age_of_oldest("ready_at", ready_times)


def returning() -> timedelta | None:
    """How long waiting runs could have continued and none did; None when none could."""
    age: timedelta | None = sql.fetch(RETURNING, {})[0][0]
    return age if age is not None and age > timedelta(0) else None


def _age_of_oldest(column: str, times: Lookback[datetime]) -> timedelta | None:
    found: list[tuple[timedelta]] = sql.fetch(OLDEST.format(time=column), {"since": times.since()})
    return found[0][0] if found else None


register_duty("sagas.sweep", timedelta(seconds=1), "rings runs that are overdue, and brings back those that waited")
register_duty("sagas.bulk", timedelta(seconds=1), "works off acts on many runs")
register_duty("sagas.prune", timedelta(hours=1), "removes runs that ended long ago")
register_duty("sagas.canary", MINUTE, "starts a run that goes the whole path")
register_duty("sagas.schedules", timedelta(seconds=1), "starts the runs of schedules when their ticks come")
register_duty("sagas.alerts", timedelta(seconds=30), "compares the rules of alerts with their figures")
register_wait(
    "sagas.canary_age",
    "The end of a canary run",
    3 * MINUTE,
    canary.age,
    "No run goes the whole path, from beat by the relay and a worker to its end: `manage.py saga status` says which "
    "part stands still.",
)
register_duty("sagas.tally", timedelta(seconds=10), "counts what has ended, for metrics and charts")
register_wait(
    "sagas.schedule_tick",
    "A tick of a schedule",
    MINUTE,
    late,
    "`manage.py saga schedules` says which, and why it could not be started; else see the duty sagas.schedules.",
)
register_wait("sagas.overdue", "A run that is overdue", MINUTE, overdue, "Nobody rings it: see the duty sagas.sweep.")
register_wait(
    "sagas.untaken",
    "A run that no worker has taken",
    MINUTE,
    untaken,
    "Workers are behind, none runs, or none of them declares its saga.",
)
register_wait(
    "sagas.returning",
    "A run whose participant may be asked again",
    MINUTE,
    returning,
    "Nobody brings it back: see the duty sagas.sweep.",
)
