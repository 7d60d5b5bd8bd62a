"""The shop's own Celery tasks."""

from __future__ import annotations

from celery import shared_task

from outbox.heartbeats import heartbeat

from .catalogue import availability
from .choreography import watchdog
from .choreography.release import release

EVERY = 2.0
"""Seconds between two looks at the orders that events carry; as in CELERY_BEAT_SCHEDULE."""


@shared_task(name="orders.refresh_availability", send_events=False)
def refresh_availability() -> None:
    """Ask the warehouse what it has; beat runs this every ten seconds."""
    availability.refresh()


@shared_task(name="orders.watch", send_events=False)
@heartbeat.leaves("orders.watch", "orders looked after")
def watch() -> int:
    """Look after orders that are carried by events; beat runs this every two seconds. Returns how many it acted on."""
    return watchdog.look() + release(EVERY)
