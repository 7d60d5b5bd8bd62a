"""Schedules in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from outbox.messages.durations import say

from ..declare import schedule_registry
from ..declare.schedule import Schedule
from ..models import RunStatus, ScheduleTick
from ..models import Schedule as Row
from ..schedules.plan import ON_TIME
from .labels import RUN_BADGES, Badge

TICK_BADGES = {
    ScheduleTick.Outcome.WAITING: Badge("…", "wait", "waits for its turn"),
    ScheduleTick.Outcome.STARTED: Badge("▶", "busy", "started"),
    ScheduleTick.Outcome.SKIPPED: Badge("↷", "calm", "skipped"),
    ScheduleTick.Outcome.MISSED: Badge("∅", "wait", "missed"),
    ScheduleTick.Outcome.WITHDRAWN: Badge("✕", "calm", "withdrawn"),
}


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule at one moment: as it is declared, if it is, and as it stands, if it was ever seen."""

    name: str
    declared: Schedule[Any] | None
    row: Row | None
    last: ScheduleTick | None
    now: datetime

    @property
    def badge(self) -> Badge:
        if self.declared is None:
            return Badge("·", "calm", "no longer declared")
        if self.row is None:
            return Badge("…", "wait", "not seen by beat yet")
        if self.row.trouble:
            return Badge("!", "bad", "cannot start")
        if self.row.paused_at is not None:
            return Badge("‖", "act", "paused")
        if self.row.next_at is not None and self.now - self.row.next_at > ON_TIME:
            return Badge("!", "bad", f"late by {say(self.now - self.row.next_at)}")
        return Badge("✓", "ok", "on")

    @property
    def means(self) -> str:
        """One or two sentences: what its state means."""
        if self.declared is None:
            return "The code does not declare it any more: it starts nothing. Its history is pruned as runs are."
        if self.row is not None and self.row.trouble:
            return f"Its run cannot be started, and is tried again each second: {self.row.trouble}"
        if self.row is not None and self.row.paused_at is not None:
            return f"Paused by {self.row.paused_by}: {self.row.paused_reason} Ticks that come meanwhile are skipped."
        return f"{self.when}."

    @property
    def when(self) -> str:
        """When it ticks: `At 03:00 every day, Europe/Berlin`."""
        if self.declared is not None:
            return f"{self.declared.cron.explain()}, {self.declared.cron.timezone}"
        return f"{self.row.cron}, {self.row.timezone}" if self.row else ""

    def next_ticks(self, count: int) -> list[tuple[str, datetime]]:
        """Its next ticks: by its own clock in words, and the moment. Empty for one that is not declared."""
        if self.declared is None:
            return []
        cron = self.declared.cron
        after = max(self.now, self.row.settled_until) if self.row else self.now
        return [(f"{cron.local(one):%a %Y-%m-%d %H:%M %Z}", one) for one in islice(cron.after(after), count)]


def read_all(now: datetime) -> list[ScheduleState]:
    """Every schedule that is declared, or has been, by name."""
    names = {one.name for one in schedule_registry.all_schedules()} | set(Row.objects.values_list("pk", flat=True))
    return [read(name, now) for name in sorted(names)]


def read(name: str, now: datetime) -> ScheduleState:
    """The schedule of that name, which need not be there."""
    row = Row.objects.filter(pk=name).first()
    last = row.history.order_by("-at").first() if row else None
    return ScheduleState(name, schedule_registry.find(name), row, last, now)


def tick_badge(tick: ScheduleTick) -> Badge:
    """What became of it: of a run that has ended, how."""
    return RUN_BADGES[RunStatus(tick.ended)] if tick.ended else TICK_BADGES[ScheduleTick.Outcome(tick.outcome)]


def tick_line(tick: ScheduleTick) -> str:
    """`2026-03-29 01:00 UTC  skipped: The run …`, for the command line."""
    words = f"{tick.at:%Y-%m-%d %H:%M} UTC  {tick_badge(tick).text}"
    return f"{words}: {tick.reason}" if tick.reason else f"{words}{f' (run {tick.run})' if tick.run else ''}"


def lines(state: ScheduleState, ticks: int) -> Iterator[str]:
    """A schedule with its next ticks, its history and its acts, for the command line."""
    yield f"{state.name}: {state.badge.text}"
    yield state.means
    for local, moment in state.next_ticks(ticks):
        yield f"next {local} = {moment:%Y-%m-%d %H:%M} UTC"
    if state.row is None:
        return
    yield from (tick_line(one) for one in state.row.history.order_by("-at")[:ticks])
    for act in state.row.acts.order_by("-id")[:ticks]:
        yield f"{act.at:%Y-%m-%d %H:%M} UTC  {act.actor_name} {act.verb}: {act.reason} {act.words}".rstrip()
