"""Tags for the section that says who works, and what stands still."""

from __future__ import annotations

from django import template

from outbox.monitoring.workers import WorkerStatus
from sagas.models import Alert
from sagas.presentation import watch

register = template.Library()
ICONS = {"alive": ("✓", "ok"), "ending": ("…", "calm"), "lost": ("?", "wait")}
"""Of a worker's state, its icon and its tone; all others are bad."""


@register.simple_tag
def watched() -> watch.Watch:
    """The lights, the workers, the queues and the canary."""
    return watch.read()


@register.simple_tag
def alerts_on() -> list[Alert]:
    """The alerts that are on, the oldest first."""
    return list(Alert.objects.filter(state__in=Alert.ON).order_by("began_at"))


@register.filter
def worker_icon(one: WorkerStatus) -> str:
    """The icon of a worker's state."""
    return ICONS.get(one.state, ("!", "bad"))[0]


@register.filter
def worker_tone(one: WorkerStatus) -> str:
    """The tone of a worker's state: a class of desk.css."""
    return ICONS.get(one.state, ("!", "bad"))[1]
