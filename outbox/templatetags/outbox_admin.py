"""What the admin's templates of the outbox need."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import template

from ..messages import durations
from ..monitoring import badges, destination_status, duty_status
from ..monitoring.alarms import bounded

register = template.Library()


@register.simple_tag
def outbox_destinations() -> list[dict[str, Any]]:
    """How each destination stands, for the line on top of every page."""
    return [
        {"one": one, "badge": badges.badge_of(one), "depth": bounded(one.depth), "dead": bounded(one.dead)}
        for one in destination_status.read_statuses()
    ]


@register.simple_tag
def outbox_duty_report() -> duty_status.DutyReport:
    """Who does their duty, and what waits for them, for the front page."""
    return duty_status.read_report()


@register.filter
def outbox_duration(span: timedelta | None) -> str:
    """A span of time in words; a dash for none."""
    return "—" if span is None else durations.say(span)


@register.filter
def outbox_count(number: int) -> str:
    """A count that ends at 1000."""
    return bounded(number)
