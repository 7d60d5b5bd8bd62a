"""Fills in ticks of the past: previewed, bounded, and carried out in order behind the ticks of now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ..declare.schedule import Schedule
from ..desk.acts import Actor, DoesNotFit
from ..engine.diagnosis import clock
from ..models import ScheduleTick
from ..settings import saga_settings
from .acts import Pending, acting, declared

Kind, Outcome = ScheduleTick.Kind, ScheduleTick.Outcome
MOST = 500
"""So many ticks one act fills in at most."""
INSTANT = timedelta(microseconds=1)
HAD = (Outcome.STARTED, Outcome.WAITING)


@dataclass(frozen=True, slots=True)
class Preview:
    """What filling in a span would do."""

    since: datetime
    until: datetime
    to_run: tuple[datetime, ...]
    """The ticks whose runs would be started, in UTC."""
    had: int
    """How many ticks of the span have had their run, or wait for it."""
    forgotten: bool
    """Whether a part of the span is older than the history that is kept: what ran then is not known, and runs again."""


def preview(name: str, since: datetime, until: datetime) -> Preview:
    """What `backfill` would do. Raises DoesNotFit for a span that is empty, reaches into the future, or is too long."""
    return _preview(declared(name), since, until, clock())


def backfill(
    name: str, since: datetime, until: datetime, *, actor: Actor, reason: str, expected: int | None = None
) -> int:
    """Have the runs of the ticks in [since, until) started that had none, in order; returns how many.

    They start as earlier ones end, or 20 a second where the schedule says overlap="start"; none in a pause. `expected`:
    how many the operator was shown. Raises DoesNotFit as `preview` does, and when there are none, or no longer so many.
    """
    with acting(name, "backfill", actor, reason) as doing:
        found = _preview(doing.schedule, since, until, doing.now)
        if not found.to_run:
            raise DoesNotFit(f"{name} has no tick in that span whose run is missing.")
        if expected is not None and expected != len(found.to_run):
            raise DoesNotFit(f"There are {len(found.to_run)} ticks to fill in now, and not {expected}. Look again.")
        _have_run(doing, found.to_run)
        doing.words.append(f"{len(found.to_run)} ticks from {since:%Y-%m-%d %H:%M %Z} to {until:%Y-%m-%d %H:%M %Z}.")
    return len(found.to_run)


def _preview(schedule: Schedule[Any], since: datetime, until: datetime, now: datetime) -> Preview:
    if since >= until:
        raise DoesNotFit("The span is empty: let its end be later than its beginning.")
    if until > now:
        raise DoesNotFit("The span reaches into the future, whose ticks come by themselves: end it now, or before.")
    ticks = list(islice(_ticks(schedule, since, until), MOST + 1))
    had = set(_had(schedule.name, ticks))
    to_run = tuple(tick for tick in ticks if tick not in had)
    if len(ticks) > MOST:
        raise DoesNotFit(f"The span has more than {MOST} ticks, which are at most filled in at once: make it shorter.")
    kept = saga_settings.KEEP_FINISHED
    return Preview(since, until, to_run, len(had), kept is not None and since < now - kept)


def _ticks(schedule: Schedule[Any], since: datetime, until: datetime) -> Iterator[datetime]:
    return schedule.ticks_between(since - INSTANT, until - INSTANT)


def _had(name: str, ticks: list[datetime]) -> Iterator[datetime]:
    found = ScheduleTick.objects.filter(schedule_id=name, at__in=ticks, outcome__in=HAD)
    yield from found.values_list("at", flat=True)


def _have_run(doing: Pending, ticks: tuple[datetime, ...]) -> None:
    """Those that were skipped, missed or withdrawn wait now; for the others there is a row."""
    given: dict[str, Any] = {
        "kind": Kind.BACKFILL,
        "outcome": Outcome.WAITING,
        "reason": "",
        "recorded_at": doing.now,
        "act": doing.act,
    }
    known = doing.row.history.filter(at__in=ticks)
    there = set(known.values_list("at", flat=True))
    known.update(**given)
    rows = [ScheduleTick(schedule=doing.row, at=tick, **given) for tick in ticks if tick not in there]
    ScheduleTick.objects.bulk_create(rows)
