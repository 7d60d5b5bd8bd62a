"""Is the outbox moving? Age says so: a full table that moves is healthy, one old message is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from . import sql

COUNTED = 1000  # beyond this a count would read too much to be worth it


@dataclass(frozen=True, slots=True)
class Status:
    """How the outbox stands. Counts end at 1000."""

    oldest: timedelta | None
    unpublished: int
    overdue: int
    dead: int


def oldest_unpublished_age() -> timedelta | None:
    """How long the oldest message has waited to be published; None when none waits. One probe of each shard's head."""
    return max(sql.unpublished_ages().values(), default=None)


def dead_letters() -> int:
    """How many messages were given up and wait for a person; at most 1000 are counted."""
    from .models import DeadLetter

    return _probe(DeadLetter.objects.all())


def bounded(count: int) -> str:
    """A count that ends at 1000, in words."""
    return f"{count}+" if count >= COUNTED else str(count)


def status() -> Status:
    """All figures at once, for people and alarms."""
    from .models import (
        Delivery,
        OutboxMessage,
    )  # health is imported by projects before their apps are ready

    return Status(
        oldest=oldest_unpublished_age(),
        unpublished=_probe(OutboxMessage.objects.all()),
        overdue=_probe(Delivery.objects.filter(due_at__lte=Now())),
        dead=dead_letters(),
    )


def _probe(rows: QuerySet[object]) -> int:  # type: ignore[type-var]
    return rows[:COUNTED].count()
