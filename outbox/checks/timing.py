"""Checks that the times in the settings fit each other and the broker's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Warning, register

from .. import settings
from ..relay.beat_driven import LONGEST
from ..tasks import relay

KOMBUS_OWN = 3600  # seconds; kombu's visibility timeout for Redis


@register("outbox")
def check_timing(**_: object) -> list[CheckMessage]:
    """All checks of this module."""
    return [*_positive(), *_lease(), *_redelivery(), *_visibility(), *_time_limits(), *_batching()]


def broker_options() -> dict[str, Any]:
    """CELERY_BROKER_TRANSPORT_OPTIONS."""
    return getattr(project, "CELERY_BROKER_TRANSPORT_OPTIONS", None) or {}


def _positive() -> list[CheckMessage]:
    if settings.batch() >= 1 and settings.redeliver_after() > timedelta(0) and settings.keep_published() > timedelta(0):
        return []
    hint = "Set OUTBOX_BATCH to 1 or more, OUTBOX_REDELIVER_AFTER and OUTBOX_KEEP_PUBLISHED above zero."
    return [Error("The outbox cannot work with a batch or a time of zero.", hint=hint, id="outbox.E001")]


def _lease() -> list[CheckMessage]:
    waits = [float(broker_options().get(name) or 0) for name in ("socket_timeout", "socket_connect_timeout")]
    if settings.lease() > timedelta(seconds=max(waits)) and settings.lease() > settings.relay_stay():
        return []
    text = "A relay that waits for the broker would lose its lease, and a second one would send the same batch."
    hint = (
        "Set OUTBOX_LEASE above OUTBOX_RELAY_STAY and above the broker's socket_timeout, and its "
        "socket_connect_timeout."
    )
    return [Error(text, hint=hint, id="outbox.E002")]


def _redelivery() -> list[CheckMessage]:
    if settings.redeliver_after() < settings.keep_published():
        return []
    text = "A message would be pruned before it is delivered again."
    return [Error(text, hint="Set OUTBOX_KEEP_PUBLISHED well above OUTBOX_REDELIVER_AFTER.", id="outbox.E003")]


def _visibility() -> list[CheckMessage]:
    timeout = timedelta(seconds=float(broker_options().get("visibility_timeout") or KOMBUS_OWN))
    if timeout > settings.redeliver_after():
        return []
    text = (
        f"The broker hands a delivery out again after {timeout.total_seconds():g} s, while its handler may still run."
    )
    hint = "Raise visibility_timeout in CELERY_BROKER_TRANSPORT_OPTIONS above OUTBOX_REDELIVER_AFTER."
    return [Warning(text, hint=hint, id="outbox.W006")]


def _time_limits() -> list[CheckMessage]:
    task: Any = relay
    limits = [
        limit
        for name in ("time_limit", "soft_time_limit")
        if (limit := getattr(task, name, None) or getattr(current_app.conf, f"task_{name}"))
    ]
    if not limits or min(limits) > LONGEST:
        return []
    text = f"The task outbox.relay works for up to {LONGEST:g} s, and would be stopped after {min(limits):g} s."
    hint = 'Give it a limit of its own: CELERY_TASK_ANNOTATIONS = {"outbox.relay": {"time_limit": 120}}, soft as well.'
    return [Error(text, hint=hint, id="outbox.E007")]


def _batching() -> list[CheckMessage]:
    switched = [name for name in ("retry_on_timeout", "retry_on_error", "retry") if broker_options().get(name)]
    if not switched:
        return []
    text = (
        f"{', '.join(switched)} in CELERY_BROKER_TRANSPORT_OPTIONS turns kombu's batches off: one round trip a message."
    )
    return [Warning(text, hint="Remove it: the relay tries again by itself.", id="outbox.W002")]
