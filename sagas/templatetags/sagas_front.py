"""Tags for the first page of the admin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import template
from django.apps import apps
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from sagas.desk import standing
from sagas.engine.diagnosis import clock
from sagas.front import causes as presented
from sagas.front import causes_of_runs, sections, waits

register = template.Library()
LISTED = 50
"""Causes that the page lists."""
FIRST = ("sagas", "outbox")


@dataclass(frozen=True, slots=True)
class Desk:
    """What needs a person."""

    causes: list[presented.Cause]
    unlisted: int
    """How many more causes there are."""
    count: int
    more: bool
    """Whether there are more than `count`."""
    at_stake: str


@register.simple_tag(takes_context=True)
def needs_a_person(context: template.RequestContext) -> Desk:
    """What needs a person, of what the user may see, by cause."""
    found = presented.causes_for(context["request"].user)
    return Desk(
        found[:LISTED],
        max(0, len(found) - LISTED),
        sum(cause.count for cause in found),
        any(cause.more for cause in found),
        presented.at_stake(found),
    )


@register.simple_tag
def snoozed_runs() -> int:
    """How many runs that need a person are snoozed."""
    return causes_of_runs.snoozed()


@register.simple_tag
def waiting_by_itself() -> list[waits.Wait]:
    """Open runs that wait, and why."""
    return waits.waits()


@register.simple_tag
def shares_that_wait() -> list[standing.Standing]:
    """Shares of which runs wait for their turn, and why."""
    return standing.standings()


@register.simple_tag
def held_keys() -> list[waits.HeldKeys]:
    """Keys of the outbox that are held, by destination."""
    return waits.held_keys()


@register.simple_tag
def read_at() -> Any:
    """PostgreSQL's time."""
    return clock()


@register.simple_tag(takes_context=True)
def desk_sections(context: template.RequestContext) -> SafeString:
    """What other apps show on the page; see `sagas.front.sections`."""
    request, whole = context["request"], dict[Any, Any](context.flatten())
    parts = (
        render_to_string(section.template, {**whole, **given}, request)
        for section, given in sections.sections_for(request)
    )
    return mark_safe("".join(parts))  # noqa: S308 - each is a rendered template


@register.filter
def own(app_list: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the admin's apps those of the project, this one and the outbox first; Django's and its extensions left out."""
    kept = [one for one in app_list if not apps.get_app_config(one["app_label"]).name.startswith("django")]
    return sorted(kept, key=lambda one: FIRST.index(one["app_label"]) if one["app_label"] in FIRST else len(FIRST))
