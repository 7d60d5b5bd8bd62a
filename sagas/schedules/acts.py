"""What people do with a schedule. Each act locks it, needs a reason, and is recorded in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, transaction

from outbox.messages.texts import plain

from ..declare import schedule_registry
from ..declare.schedule import Schedule
from ..desk.acts import Actor, DoesNotFit, ReasonMissing
from ..engine.diagnosis import clock
from ..models import Schedule as Row
from ..models import ScheduleAct, ScheduleTick
from .rows import locked
from .settle import follow, live, move_on, note_ended, record_due, start_tick

Kind, Outcome = ScheduleTick.Kind, ScheduleTick.Outcome


@dataclass(slots=True)
class Pending:
    """An act within its transaction."""

    schedule: Schedule[Any]
    row: Row
    """Locked, with all ticks up to now settled."""
    now: datetime
    act: ScheduleAct
    words: list[str] = field(default_factory=list)
    """What it did, for the record."""


def pause(name: str, *, actor: Actor, reason: str) -> None:
    """Start nothing by itself until somebody resumes it. Raises DoesNotFit for one that is paused."""
    with acting(name, "pause", actor, reason) as doing:
        row = doing.row
        if row.paused_at is not None:
            raise DoesNotFit(f"{name} is paused already, by {row.paused_by}.")
        row.paused_at, row.paused_by, row.paused_reason = doing.now, doing.act.actor_name, doing.act.reason


def resume(name: str, *, actor: Actor, reason: str) -> None:
    """Go on with the next tick; those that came in the pause stay skipped. Raises DoesNotFit for one that goes on."""
    with acting(name, "resume", actor, reason) as doing:
        if doing.row.paused_at is None:
            raise DoesNotFit(f"{name} is not paused.")
        doing.row.paused_at, doing.row.paused_by, doing.row.paused_reason = None, "", ""


def run_now(name: str, *, actor: Actor, reason: str) -> UUID | None:
    """Start a run that belongs to no tick, also in a pause; its `input` gets this moment.

    Returns the run; None when it waits behind another one, as the schedule says overlap="queue". Raises DoesNotFit
    where a run has not ended and the schedule says overlap="skip", and when `input` fails.
    """
    with acting(name, "run_now", actor, reason) as doing:
        before = live(doing.row).order_by("at").first()
        overlap = doing.schedule.overlap
        if before is not None and overlap == "skip":
            raise DoesNotFit(f"The run of {before.at:%Y-%m-%d %H:%M} UTC has not ended, and {name} runs one at a time.")
        tick = ScheduleTick(schedule=doing.row, at=doing.now, kind=Kind.BY_HAND, recorded_at=doing.now, act=doing.act)
        tick.outcome = Outcome.WAITING
        tick.save()
        if before is None or overlap == "start":
            _start(tick, doing)
        doing.words.append(f"Run {tick.run}." if tick.run else "It waits for those before it.")
    return tick.run


def withdraw(name: str, *, actor: Actor, reason: str) -> int:
    """Take back all that waits for its turn; returns how many. Raises DoesNotFit when nothing waits."""
    with acting(name, "withdraw", actor, reason) as doing:
        waiting = doing.row.history.filter(outcome=Outcome.WAITING)
        count = waiting.update(
            outcome=Outcome.WITHDRAWN, reason=f"Withdrawn by {doing.act.actor_name}: {doing.act.reason}"
        )
        if not count:
            raise DoesNotFit(f"Nothing of {name} waits.")
        doing.words.append(f"{count} of those that waited.")
    return count


def _start(tick: ScheduleTick, doing: Pending) -> None:
    try:
        start_tick(tick, doing.schedule, doing.now)
    except DatabaseError:
        raise
    except Exception as error:  # of the host's `input`
        raise DoesNotFit(f"Its run could not be started. {type(error).__qualname__}: {error}") from error


@contextmanager
def acting(name: str, verb: str, actor: Actor, reason: str) -> Iterator[Pending]:
    """Lock the schedule for one act, in a transaction, and write the record when the block ends without an error.

    All ticks up to now are settled before, as if somebody had just looked; their runs are started at the next look.
    Raises ReasonMissing, and DoesNotFit for a schedule that is not declared.
    """
    if not reason.strip():
        raise ReasonMissing
    schedule = declared(name)
    with transaction.atomic():
        now = clock()
        row = locked(schedule, now, wait=True)
        assert row is not None  # noqa: S101 - it waits
        now = clock()  # it may have waited
        follow(row, schedule, now)
        note_ended(row)
        record_due(row, schedule, now)
        act = ScheduleAct(schedule=row, verb=verb, reason=plain(reason.strip()), at=now, **_who(actor))
        act.save()
        doing = Pending(schedule, row, now, act)
        yield doing
        act.words = " ".join(doing.words)
        act.save(update_fields=["words"])
        move_on(row, schedule)
        row.save()


def declared(name: str) -> Schedule[Any]:
    """The schedule of that name. Raises DoesNotFit, with the names that there are."""
    found = schedule_registry.find(name)
    if found is None:
        names = ", ".join(one.name for one in schedule_registry.all_schedules()) or "none"
        raise DoesNotFit(f"No schedule named {name} is declared here. There are: {names}.")
    return found


def _who(actor: Actor) -> dict[str, Any]:
    if isinstance(actor, AbstractBaseUser):
        return {"actor": actor, "actor_name": actor.get_username()}
    return {"actor": None, "actor_name": actor.name}
