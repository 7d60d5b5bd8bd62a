"""Checks that destinations, events and subscribers fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Warning, register

from ..declare.events import registry
from ..errors import OutboxDeclarationError
from ..publishing import destinations
from ..transports.celery import CeleryTransport


@register("outbox")
def check_destinations(**_: object) -> list[CheckMessage]:
    """Each destination can be made, and each event goes somewhere, and not further than intended."""
    try:
        destinations.configured()
    except OutboxDeclarationError as error:
        hint = "Correct OUTBOX_DESTINATIONS: until then every publish and every relay raises this."
        return [Error(str(error), hint=hint, id="outbox.E004")]
    return [*_going_nowhere(), *_taking_everything()]


@register("outbox")
def check_subscribers(**_: object) -> list[CheckMessage]:
    """No subscriber reads an old version only. (One that cannot read an older version is refused at import.)"""
    return list(_left_behind())


def _going_nowhere() -> Iterator[CheckMessage]:
    for name in sorted({name for name, _ in registry.events}):
        try:
            destinations.for_event(name)
        except OutboxDeclarationError as error:
            hint = "Name it in the `events` of a destination: publishing it raises this."
            yield Error(str(error), hint=hint, id="outbox.E005")


def _taking_everything() -> Iterator[CheckMessage]:
    given: dict[str, dict[str, Any]] = getattr(project, "OUTBOX_DESTINATIONS", {})
    for one in destinations.configured():
        if len(given) > 1 and "events" not in given[one.name] and not isinstance(one.transport, CeleryTransport):
            text = f"The destination {one.name} takes every event, also those that other services should not see."
            hint = f'Name what goes there: "events": ["shop.*"] in OUTBOX_DESTINATIONS["{one.name}"]; or write ["*"].'
            yield Warning(text, hint=hint, id="outbox.W004")


def _left_behind() -> Iterator[CheckMessage]:
    for one in registry.subscribers.values():
        newest = max(registry.versions_of(one.event.name), default=one.event.version)
        if newest > one.event.version:
            text = (
                f"{one.name} reads {one.event.name} version {one.event.version}; "
                f"version {newest} would become a dead letter."
            )
            hint = f"Have it take {registry.events[one.event.name, newest].body.__qualname__} before that is published."
            yield Warning(text, hint=hint, id="outbox.W010")
