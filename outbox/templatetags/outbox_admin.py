"""What the admin's templates of the outbox need."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import template

from ..messages import durations
from ..monitoring import badges, status, watch
from ..monitoring.alarms import bounded

register = template.Library()


@register.simple_tag
def outbox_stands() -> list[dict[str, Any]]:
    """How each destination stands, for the line on top of every page."""
    return [
        {"one": one, "face": badges.of(one), "depth": bounded(one.depth), "dead": bounded(one.dead)}
        for one in status.look()
    ]


@register.simple_tag
def outbox_watch() -> watch.Watch:
    """Who does their duty, and what waits for them, for the front page."""
    return watch.look()


@register.filter
def outbox_said(span: timedelta | None) -> str:
    """A span of time in words; a dash for none."""
    return "—" if span is None else durations.say(span)


@register.filter
def outbox_count(number: int) -> str:
    """A count that ends at 1000."""
    return bounded(number)
