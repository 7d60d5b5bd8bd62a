"""Who looks after the orders that events carry, and for how long one may wait. Importing this registers it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from outbox.heartbeats.duties import register_duty, register_wait

from ..models import Journey
from . import watchdog


def overdue() -> timedelta | None:
    """How long the order carried by events that is to be looked after the longest has waited for it."""
    due = watchdog.from_here(Journey.objects.filter(due_at__lte=Now()))
    due_at = due.order_by("due_at").values_list("due_at", flat=True).first()
    return None if due_at is None else timezone.now() - due_at


register_duty("orders.watch", timedelta(seconds=2), "looks after orders that are carried by events")
register_wait(
    "orders.overdue",
    "An order carried by events",
    timedelta(minutes=1),
    overdue,
    "Nobody looks after it: see the duty orders.watch.",
)
