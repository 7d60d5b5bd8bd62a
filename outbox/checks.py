"""System checks: silent misconfiguration, each with a sentence that says how to mend it.

Names in use twice and subscribers to what is no event are refused earlier, at import: see `declaration.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Warning, register

from . import settings
from .declaration import registry


@register("outbox")
def check_outbox(**_: object) -> list[CheckMessage]:
    """All checks of the outbox's settings."""
    return [*_positive(), *_lease(), *_redelivery(), *_doorbell(), *_batching(), *_schedule(), *_left_behind()]


def _positive() -> list[CheckMessage]:
    if settings.batch() >= 1 and settings.redeliver_after() > timedelta(0) and settings.keep_published() > timedelta(0):
        return []
    hint = "Set OUTBOX_BATCH to 1 or more, OUTBOX_REDELIVER_AFTER and OUTBOX_KEEP_PUBLISHED above zero."
    return [Error("The outbox cannot work with a batch or a time of zero.", hint=hint, id="outbox.E001")]


def _lease() -> list[CheckMessage]:
    slowest = float(_broker_options().get("socket_timeout") or 0)
    if settings.lease() > timedelta(seconds=slowest) and settings.lease() > settings.relay_stay():
        return []
    text = "A relay that waits for the broker would lose its lease, and a second one would send the same batch."
    hint = "Set OUTBOX_LEASE above OUTBOX_RELAY_STAY and above the broker's socket_timeout."
    return [Error(text, hint=hint, id="outbox.E002")]


def _redelivery() -> list[CheckMessage]:
    if settings.redeliver_after() < settings.keep_published():
        return []
    text = "What is to be delivered again would be pruned first."
    return [Error(text, hint="Set OUTBOX_KEEP_PUBLISHED well above OUTBOX_REDELIVER_AFTER.", id="outbox.E003")]


def _doorbell() -> list[CheckMessage]:
    if settings.redis_url():
        return []
    text = "There is no doorbell: messages wait for the next tick of beat."
    return [Warning(text, hint="Set OUTBOX_REDIS_URL to a redis:// address.", id="outbox.W001")]


def _batching() -> list[CheckMessage]:
    switched = [name for name in ("retry_on_timeout", "retry_on_error", "retry") if _broker_options().get(name)]
    if not switched:
        return []
    text = (
        f"{', '.join(switched)} in CELERY_BROKER_TRANSPORT_OPTIONS turns kombu's batches off: one round trip a message."
    )
    return [Warning(text, hint="Remove it: the relay tries again by itself.", id="outbox.W002")]


def _schedule() -> list[CheckMessage]:
    beat: dict[str, dict[str, Any]] = getattr(project, "CELERY_BEAT_SCHEDULE", {})
    if any(entry.get("task") == "outbox.relay" for entry in beat.values()):
        return []
    text = "Nothing runs the relay: messages are written and never published."
    hint = "Have beat run the task outbox.relay each second: add it to CELERY_BEAT_SCHEDULE."
    return [Warning(text, hint=hint, id="outbox.W003")]


def _left_behind() -> list[CheckMessage]:
    """Subscribers that could not read the newest version of their event. (Older ones are refused at import.)"""
    found: list[CheckMessage] = []
    for one in registry.subscribers.values():
        newest = max(registry.versions_of(one.event.name), default=one.event.version)
        if newest > one.event.version:
            text = f"{one.name} reads {one.event.name} version {one.event.version}; version {newest} would be parked."
            hint = f"Have it take {registry.events[one.event.name, newest].body.__qualname__} before that is published."
            found.append(Warning(text, hint=hint, id="outbox.W010"))
    return found


def _broker_options() -> dict[str, Any]:
    return getattr(project, "CELERY_BROKER_TRANSPORT_OPTIONS", None) or {}
