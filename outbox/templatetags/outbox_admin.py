"""Template tags for the outbox's pages in the admin."""

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
    """The status of each destination, for the line on top of each page."""
    return [
        {"one": one, "badge": badges.badge_of(one), "depth": bounded(one.depth), "dead": bounded(one.dead)}
        for one in destination_status.read_statuses()
    ]


@register.simple_tag
def outbox_unnamed_dead() -> int:
    """How many dead letters name no destination."""
    return destination_status.read_unnamed_dead()


@register.simple_tag
def outbox_duty_report() -> duty_status.DutyReport:
    """The duties and what waits for them, for the front page."""
    return duty_status.read_report()


@register.filter
def outbox_duration(span: timedelta | None) -> str:
    """A duration in words; a dash for None."""
    return "—" if span is None else durations.say(span)


@register.filter
def outbox_count(number: int) -> str:
    """A count as text; "1000+" from 1000 on."""
    return bounded(number)
