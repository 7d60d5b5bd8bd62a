"""The row of a schedule: made when the schedule is first seen, and locked by whoever changes anything of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import sql
from ..declare.schedule import Schedule
from ..models import Schedule as Row
from ..sql import schedules as statements


def locked(schedule: Schedule[Any], now: datetime, *, wait: bool) -> Row | None:
    """The row, locked until the end of the transaction; None when another has the lock and `wait` is false."""
    given = {"name": schedule.name, "cron": schedule.cron.expression, "timezone": schedule.cron.timezone, "now": now}
    found = _find(schedule.name, wait=wait)
    if found is not None or Row.objects.filter(pk=schedule.name).exists():
        return found  # to insert it now would wait for whoever has the lock
    made = sql.execute(statements.SEEN, given)
    return _find(schedule.name, wait=True) if made or wait else None


def _find(name: str, *, wait: bool) -> Row | None:
    return Row.objects.select_for_update(skip_locked=not wait, no_key=True).filter(pk=name).first()
