"""Tags for the section that says who works, and what stands still."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

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
def coded(text: str) -> SafeString:
    """A text for a page: its lines, and as code what stands between backticks."""
    parts = re.split(r"`([^`]+)`", text)
    html = "".join(f"<code>{escape(part)}</code>" if i % 2 else escape(part) for i, part in enumerate(parts))
    return mark_safe(html.replace("\n", "<br>"))  # noqa: S308 - each part is escaped


@register.filter
def worker_icon(one: WorkerStatus) -> str:
    """The icon of a worker's state."""
    return ICONS.get(one.state, ("!", "bad"))[0]


@register.filter
def worker_tone(one: WorkerStatus) -> str:
    """The tone of a worker's state: a class of desk.css."""
    return ICONS.get(one.state, ("!", "bad"))[1]
