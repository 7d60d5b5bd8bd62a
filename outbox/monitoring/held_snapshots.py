"""Alarms about who keeps PostgreSQL from removing dead rows, when that has lasted long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from .. import settings, sql
from ..messages.durations import say
from ..sql import Holder

NAME = "outbox.snapshot"
"""The name in OUTBOX_HEALTHY for how long a snapshot may be held; None switches the alarm off."""
LIMIT = timedelta(minutes=30)
MANY = 1_000_000
"""For a snapshot whose age in time PostgreSQL does not show: transactions that may pass while it is held."""


def alarms() -> list[str]:
    """One sentence for each snapshot that is held too long, the oldest first: who, since when, at what cost."""
    limit = settings.healthy().get(NAME, LIMIT)
    return [] if limit is None else [_sentence(one) for one in sql.snapshot_holders() if _is_old(one, limit)]


def _is_old(one: Holder, limit: timedelta) -> bool:
    return one.age > MANY if one.seconds is None else one.seconds > limit.total_seconds()


def _sentence(one: Holder) -> str:
    return " ".join(_words(one))


def _words(one: Holder) -> Iterator[str]:
    named = f" ({one.application})" if one.application else ""
    since = "" if one.seconds is None else f" for {say(timedelta(seconds=one.seconds))}"
    yield f"The {one.kind} {one.name}{named} has held a snapshot{since}, over {one.age} transactions:"
    yield "rows that died since then cannot be removed, tables grow, and queries get slower."
    match one.kind:
        case "session":
            yield f"If it is not needed: SELECT pg_terminate_backend({one.name})."
        case "prepared transaction":
            yield "End it: COMMIT PREPARED or ROLLBACK PREPARED."
        case _:
            yield "Does its replica follow? If it is gone: SELECT pg_drop_replication_slot(…)."
