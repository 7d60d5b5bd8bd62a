"""Settles what is due of one schedule: plans its ticks, writes them down, and starts their runs, in one transaction.

The row of the schedule is locked meanwhile, and says up to when everything is settled. It moves only forward. So two
that look at once, one that is killed, and a clock that goes back start nothing twice; nor could they, since a tick is
the key of its run.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from outbox.messages.durations import say

from .. import sql
from ..declare.schedule import Schedule
from ..models import Schedule as Row
from ..models import ScheduleTick
from ..sql import schedules as statements
from .plan import ON_TIME, Fate, Standing, fates, may_start
from .rows import locked

Kind, Outcome = ScheduleTick.Kind, ScheduleTick.Outcome
MOST_TICKS = 1_000
"""So many ticks one look settles at most; the next look goes on."""
OUTCOMES = {
    Fate.RUN: Outcome.WAITING,
    Fate.MISSED: Outcome.MISSED,
    Fate.PAUSED: Outcome.SKIPPED,
    Fate.BUSY: Outcome.SKIPPED,
}
FILLED_IN_LAST = Case(When(kind=Kind.BACKFILL, then=Value(1)), default=Value(0), output_field=IntegerField())


def settle(schedule: Schedule[Any], now: datetime) -> int:
    """Settle all that is due at `now`, PostgreSQL's time; returns how many runs were started.

    Does nothing while another settles it. Raises what the schedule's `input` raises, and Unfit for an input that does
    not fit the saga: then nothing is settled.
    """
    with transaction.atomic():
        row = locked(schedule, now, wait=False)
        if row is None:
            return 0
        before = _fields(row)
        follow(row, schedule, now)
        note_ended(row)
        record_due(row, schedule, now)
        started = 0 if row.paused_at else start_waiting(row, schedule, now)
        move_on(row, schedule)
        if _fields(row) != before:
            row.save()
    return started


def follow(row: Row, schedule: Schedule[Any], now: datetime) -> None:
    """Take over an expression or a zone that has changed: its ticks count from now on, but for the last minute's.

    Two releases side by side change it to and fro, and lose no tick.
    """
    if (row.cron, row.timezone) != (schedule.cron.expression, schedule.cron.timezone):
        row.cron, row.timezone = schedule.cron.expression, schedule.cron.timezone
        row.settled_until = max(row.settled_until, now - ON_TIME)


def record_due(row: Row, schedule: Schedule[Any], now: datetime) -> None:
    """Write down what becomes of each tick that is due, and move the row on."""
    found = list(islice(schedule.ticks_between(row.settled_until, now), MOST_TICKS + 1))
    ticks = found[:MOST_TICKS]
    if not ticks:
        return
    known = set(row.history.filter(at__in=ticks).values_list("at", flat=True))
    busy = live(row).exclude(kind=Kind.BACKFILL).order_by("at").first()
    standing = Standing(
        schedule.missed, schedule.overlap, row.paused_at is not None, busy is not None, len(found) > len(ticks)
    )
    planned = fates((tick for tick in ticks if tick not in known), now, standing)
    ScheduleTick.objects.bulk_create(
        ScheduleTick(
            schedule=row, at=tick, outcome=OUTCOMES[fate], reason=_why(fate, row, busy, tick, now), recorded_at=now
        )
        for tick, fate in planned
    )
    row.settled_until = ticks[-1]


def start_waiting(row: Row, schedule: Schedule[Any], now: datetime) -> int:
    """Start those that wait, as many as the policy allows, the earliest first; what is filled in comes last."""
    most = may_start(schedule.overlap, running(row).count())
    waiting = row.history.filter(outcome=Outcome.WAITING).order_by(FILLED_IN_LAST, "at")[:most]
    return sum(start_tick(tick, schedule, now) for tick in waiting)


def start_tick(tick: ScheduleTick, schedule: Schedule[Any], now: datetime) -> int:
    """Start the run of that tick, and write it down. Returns 1."""
    key = schedule.key_of(tick.at) if tick.kind != Kind.BY_HAND else key_by_hand(schedule, tick.at)
    subject = f"{schedule.name} {schedule.cron.local(tick.at):%Y-%m-%d %H:%M}"
    tick.run = schedule.saga.start(schedule.input_of(tick.at), key=key, subject=subject)
    tick.outcome, tick.started_at, tick.reason = Outcome.STARTED, now, ""
    tick.save(update_fields=["run", "outcome", "started_at", "reason"])
    return 1


def key_by_hand(schedule: Schedule[Any], at: datetime) -> str:
    """The key of a run that somebody started at that moment."""
    return f"{schedule.name}:by-hand:{at.isoformat()}"


def move_on(row: Row, schedule: Schedule[Any]) -> None:
    """Say when its next tick is, and that all went well."""
    row.next_at = next(schedule.ticks(row.settled_until), None)
    row.trouble, row.trouble_since = "", None


def note_ended(row: Row) -> None:
    """Write down which of its runs have ended."""
    sql.execute(statements.NOTE_ENDED, {"name": row.name})


def running(row: Row) -> QuerySet[ScheduleTick]:
    """Those whose run has not ended."""
    return row.history.filter(outcome=Outcome.STARTED, over_at=None)


def live(row: Row) -> QuerySet[ScheduleTick]:
    """Those, and those that wait for their turn."""
    return row.history.filter(Q(outcome=Outcome.WAITING) | Q(outcome=Outcome.STARTED, over_at=None))


def _why(fate: Fate, row: Row, busy: ScheduleTick | None, tick: datetime, now: datetime) -> str:
    """Why it is not run, in words; empty for one that is."""
    if fate is Fate.PAUSED:
        return f"Paused by {row.paused_by}: {row.paused_reason}"
    if fate is Fate.MISSED:
        return f"It was seen {say(now - tick)} late."
    if fate is Fate.BUSY:
        return f"The run of {busy.at:%Y-%m-%d %H:%M} UTC had not ended." if busy else "The run before it had not ended."
    return ""


def _fields(row: Row) -> list[Any]:
    return [getattr(row, field.attname) for field in row._meta.concrete_fields]
