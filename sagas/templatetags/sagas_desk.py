"""What the desk's templates need."""

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
    """A span of time in words; a dash for none."""
    return "—" if span is None else durations.say(span)


@register.filter
def before(moment: datetime, now: datetime) -> str:
    """How long before, or after, `now`: `3 s ago`, `in 12 s`."""
    gap = now - moment
    return f"{durations.say(gap)} ago" if gap >= timedelta(0) else f"in {durations.say(gap)}"


@register.filter
def percent(share: float | None) -> str:
    """A share as a percentage with one decimal; never rounded up to 100."""
    if share is None:
        return "—"
    return f"{int(share * 1000) / 10:g} %"


@register.filter
def quoted(key: str) -> str:
    """A primary key as it stands in the admin's addresses."""
    return str(quote(key))


@register.simple_tag
def waited_for() -> list[participant_labels.WaitingRuns]:
    """The participants that runs wait for, the longest outage first."""
    return participant_labels.waiting_runs()


@register.simple_tag
def saga_figures() -> Figures:
    """The counts of the front page."""
    return figures()


@register.simple_tag
def dead_letters() -> int:
    """How many messages were given up; at most 1000 are counted."""
    return health.dead_letters()


@register.simple_tag
def outbox_waits() -> timedelta | None:
    """Age of the oldest unpublished message; None when none waits."""
    return health.oldest_unpublished_age()
