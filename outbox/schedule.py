"""What a project's settings say to Celery: `celery_settings`, or its parts. Settings may import this module.

A tick that nobody took in time is worth nothing: it expires. Its time is beat's clock against a worker's, so that it
must be well above what the two differ by and what a tick waits in its queue: see `EXPIRY`. Celery's own scheduler reads
it as `expires`; the one of django-celery-beat as `expire_seconds`, and drops the other in silence. A row carries both.

A worker throws an expired tick away when it comes to it. Until then Redis keeps it; RabbitMQ does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

EXPIRY = timedelta(minutes=1)
"""Of what runs each second. A clock that is half of it off is an alarm long before: see `monitoring/watch.py`."""


def row(task: str, schedule: Any, expires: timedelta = EXPIRY) -> dict[str, Any]:
    """A row of CELERY_BEAT_SCHEDULE; `schedule` as Celery takes it, `expires` for both schedulers."""
    seconds = int(expires.total_seconds())
    return {"task": task, "schedule": schedule, "options": {"expires": seconds, "expire_seconds": seconds}}


SCHEDULE: dict[str, dict[str, Any]] = {
    "every-second-relay-the-outbox": row("outbox.relay", timedelta(seconds=1)),
    "every-hour-prune-the-outbox": row("outbox.prune", timedelta(hours=1), timedelta(hours=1)),
}
"""For CELERY_BEAT_SCHEDULE."""
ROUTES: dict[str, dict[str, str]] = {
    "outbox.deliver": {"queue": "events"},
    "outbox.deliver_open": {"queue": "events"},
    "outbox.relay": {"queue": "upkeep"},
    "outbox.prune": {"queue": "upkeep"},
}
"""For CELERY_TASK_ROUTES. A worker for `events`, and one with a few threads for `upkeep`, whose tasks mostly wait."""
REDIS_OPTIONS: dict[str, Any] = {
    "visibility_timeout": 180,  # seconds; above the longest task, which `manage.py check` compares
    "unacked_restore_interval": 5,  # and the next: how often a worker looks for what another one lost
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
RABBITMQ_OPTIONS: dict[str, Any] = {"confirm_publish": True}  # else what it could not take would be lost without a word


def celery_settings(
    broker_url: str,
    *,
    schedule: Mapping[str, Any] | None = None,
    routes: Mapping[str, Any] | None = None,
    broker_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that this app wants of Celery, by the names of Django's settings: `globals().update(celery_settings(…))`.

    `schedule`, `routes`, `broker_options`: the project's own rows of CELERY_BEAT_SCHEDULE (see `row`), its own
    CELERY_TASK_ROUTES and CELERY_BROKER_TRANSPORT_OPTIONS. They are added, and win where both have one. What else
    should be otherwise is set below the call.
    """
    register(check_installed, "outbox")
    return {
        "CELERY_BROKER_URL": broker_url,
        "CELERY_BROKER_TRANSPORT_OPTIONS": {**options_of(broker_url), **(broker_options or {})},
        "CELERY_BEAT_SCHEDULE": {**SCHEDULE, **(schedule or {})},
        "CELERY_TASK_ROUTES": {**ROUTES, **(routes or {})},
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_DB_REUSE_MAX": 10_000,  # tasks; Celery's default opens a connection for each
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
    }


def options_of(broker_url: str) -> dict[str, Any]:
    """CELERY_BROKER_TRANSPORT_OPTIONS for a broker of that kind; empty for one that is not known here."""
    if broker_url.startswith(("redis", "sentinel")):
        return dict(REDIS_OPTIONS)
    return dict(RABBITMQ_OPTIONS) if broker_url.startswith(("amqp", "pyamqp")) else {}


def check_installed(**_: object) -> list[CheckMessage]:
    """Registered by the settings, since an app that is not installed registers nothing."""
    if apps.is_installed("outbox"):
        return []
    text = 'INSTALLED_APPS lacks "outbox": Celery is set up for its tasks, and nothing of it is there.'
    return [Error(text, hint='Add "outbox" to INSTALLED_APPS, and run `manage.py migrate`.', id="outbox.E023")]
