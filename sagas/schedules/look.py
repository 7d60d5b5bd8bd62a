"""The duty of all schedules: each second, what is due is settled. Any number of copies may do it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now

from outbox.heartbeats import heartbeat
from outbox.messages.texts import plain

from .. import sql
from ..declare import schedule_registry
from ..declare.schedule import Schedule
from ..engine.diagnosis import clock
from ..models import Schedule as Row
from ..settings import saga_settings
from ..sql import schedules as statements
from .settle import settle

logger = logging.getLogger(__name__)
LONGEST_TROUBLE = 1_000


@heartbeat.leaves("sagas.schedules", "runs started")
def look(now: datetime | None = None) -> int:
    """Settle what is due of every declared schedule; returns how many runs were started.

    `now` is PostgreSQL's time unless a test gives another. A schedule that fails holds up no other: why is kept with
    it, it is tried again at the next look, and its tick is late until then. Raises when the database is away.
    """
    declared = {one.name: one for one in schedule_registry.all_schedules()}
    if not declared:
        return 0
    now = now or clock()
    quiet = {
        name
        for name, cron, timezone, due, busy, troubled in sql.fetch(
            statements.LOOK, {"now": now, "names": list(declared)}
        )
        if not (due or busy or troubled) and _is_as_declared(declared[name], cron, timezone)
    }
    return sum(_settled(schedule, now) for name, schedule in declared.items() if name not in quiet)


def late() -> timedelta | None:
    """For how long the tick that is due longest has been due, or a schedule has failed; None when all goes well."""
    names = [one.name for one in schedule_registry.all_schedules()]
    found: timedelta | None = sql.fetch(statements.LATE, {"names": names})[0][0] if names else None
    return found


def prune_history(keep: timedelta) -> int:
    """Remove what became of ticks longer ago than that; returns how many. Each batch is a transaction."""
    batch, total = max(saga_settings.PRUNE_BATCH, 1), 0
    while True:
        removed = sql.execute(statements.PRUNE, {"keep": keep, "batch": batch})
        total += removed
        if removed < batch:
            break
    return total


def _settled(schedule: Schedule[Any], now: datetime) -> int:
    try:
        return settle(schedule, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("schedule.not_settled", extra={"schedule": schedule.name})
        _note_trouble(schedule.name, f"{type(error).__qualname__}: {error}")
        return 0


def _note_trouble(name: str, words: str) -> None:
    """Keep why it failed, and since when. A schedule whose row was not made yet has nothing to say it in."""
    words = plain(words, LONGEST_TROUBLE)
    with transaction.atomic():
        for row in Row.objects.select_for_update().filter(pk=name).exclude(trouble=words):
            row.trouble, row.trouble_since = words, row.trouble_since or Now()
            row.save(update_fields=["trouble", "trouble_since"])


def _is_as_declared(schedule: Schedule[Any], cron: str, timezone: str) -> bool:
    return (cron, timezone) == (schedule.cron.expression, schedule.cron.timezone)
