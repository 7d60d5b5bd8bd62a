"""Filters and tags for the templates of the desk."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.contrib.admin.utils import quote

from outbox.messages import durations
from outbox.monitoring import health
from sagas.presentation import participant_labels
from sagas.presentation.statistics import Figures, figures

register = template.Library()


@register.filter
def said(span: timedelta | None) -> str:
    """A timedelta in words; a dash for None."""
    return "—" if span is None else durations.say(span)


@register.filter
def before(moment: datetime, now: datetime) -> str:
    """A moment relative to `now`: `3 s ago`, `in 12 s`."""
    gap = now - moment
    return f"{durations.say(gap)} ago" if gap >= timedelta(0) else f"in {durations.say(gap)}"


@register.filter
def plain(number: float) -> str:
    """A number for SVG: two decimals and a point, whatever the site's language."""
    return f"{number:.2f}"


@register.filter
def percent(share: float | None) -> str:
    """A share from 0 to 1 as a percentage with one decimal, rounded down; a dash for None."""
    if share is None:
        return "—"
    return f"{int(share * 1000) / 10:g} %"


@register.filter
def quoted(key: str) -> str:
    """A primary key, quoted for an address of the admin."""
    return str(quote(key))


@register.simple_tag
def waited_for() -> list[participant_labels.WaitingRuns]:
    """The participants that runs wait for, the longest outage first."""
    return participant_labels.waiting_runs()


@register.simple_tag
def saga_figures() -> Figures:
    """The counts of runs for the front page."""
    return figures()


@register.simple_tag
def dead_letters() -> int:
    """How many dead letters there are; counting ends at 1000."""
    return health.dead_letters()


@register.simple_tag
def outbox_waits() -> timedelta | None:
    """The age of the oldest unpublished outbox message; None when there is none."""
    return health.oldest_unpublished_age()
