"""A schedule of the tests' own: a saga of one step, whose input is the tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sagas import Saga, Schedule, StepContext
from sagas.declare import schedule_registry
from sagas.models import Run, ScheduleTick


@dataclass(frozen=True)
class Night:
    """The input: the tick by the schedule's own clock."""

    tick: str


nightly = Saga[Night]("nightly")


@nightly.step(undo=None)
def tidy(_ctx: StepContext[Night]) -> None:
    """Nothing to do."""


def night(tick: datetime) -> Night:
    return Night(f"{tick:%m-%d %H:%M%z}")


@contextmanager
def declared(**options: Any) -> Iterator[Schedule[Night]]:
    """A schedule that is forgotten afterwards; other schedules are not there meanwhile."""
    others = schedule_registry.all_schedules()
    for one in others:
        schedule_registry.forget(one)
    usual = {"cron": "0 3 * * *", "timezone": "UTC", "input": night}
    made = Schedule(nightly, **{**usual, **options})
    try:
        yield made
    finally:
        for one in schedule_registry.all_schedules():
            schedule_registry.forget(one)
        for one in others:
            schedule_registry.register(one)


def at(text: str) -> datetime:
    """`03-29 01:00` of 2026, in UTC."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def history(name: str = "nightly") -> list[tuple[str, str]]:
    """Each tick with what became of it, the earliest first."""
    rows = ScheduleTick.objects.filter(schedule_id=name).order_by("at")
    return [(f"{row.at:%m-%d %H:%M}", row.outcome) for row in rows]


def keys() -> list[str]:
    """Of the runs, in the order in which they were started."""
    return list(Run.objects.filter(name="nightly").order_by("created_at").values_list("key", flat=True))


def end_all(status: str = "completed") -> None:
    """The runs so far end."""
    Run.objects.filter(name="nightly", status="running").update(status=status, finished_at=at("01-01 00:00"))


def looks(look: Callable[[datetime], int], *texts: str) -> int:
    """Look at these times; how many runs were started."""
    return sum(look(at(text)) for text in texts)


A_SECOND = timedelta(seconds=1)
