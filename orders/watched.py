"""The shop's duties, and what must not wait for them for long. Importing this registers them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from outbox.heartbeats.duties import register_duty, register_wait

from .choreography import watchdog
from .choreography.models import Journey


def overdue() -> timedelta | None:
    """How long the order carried by events that is to be looked after the longest has waited for it."""
    due = watchdog.from_here(Journey.objects.filter(due_at__lte=Now()))
    due_at = due.order_by("due_at").values_list("due_at", flat=True).first()
    return None if due_at is None else timezone.now() - due_at


register_duty("orders.refresh_availability", timedelta(seconds=10), "asks the warehouse what it has")
register_duty("orders.watch", timedelta(seconds=2), "looks after orders that are carried by events")
register_duty("orders.reconcile", timedelta(days=1), "compares the books with the card processor's")
register_wait(
    "orders.overdue",
    "An order carried by events",
    timedelta(minutes=1),
    overdue,
    "Nobody looks after it: see the duty orders.watch.",
)
