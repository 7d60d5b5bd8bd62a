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
    """How long the oldest message has waited to be published; None when none waits. One probe of the table's head."""
    return sql.oldest_unpublished_age()


def status() -> Status:
    """All figures at once, for people and alarms."""
    from .models import (
        DeadLetter,
        Delivery,
        OutboxMessage,
    )  # health is imported by projects before their apps are ready

    return Status(
        oldest=oldest_unpublished_age(),
        unpublished=_probe(OutboxMessage.objects.all()),
        overdue=_probe(Delivery.objects.filter(due_at__lte=Now())),
        dead=_probe(DeadLetter.objects.all()),
    )


def _probe(rows: QuerySet[object]) -> int:  # type: ignore[type-var]
    return rows[:COUNTED].count()
