"""The Celery app, and two signal handlers of its workers."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_init
from django.conf import settings
from django.db import close_old_connections, connections
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "config.redis_transport:Transport")

app = Celery("settle")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


IDLE = 1.0  # seconds for which a thread's connection is trusted without a check
_trusted = threading.local()


@task_prerun.connect
def drop_broken_connections(**_: object) -> None:
    """Close connections that PostgreSQL has dropped, so that they do not fail the next task.

    Connections outlive a task (CELERY_DB_REUSE_MAX). Django's check of a connection costs a round trip, so a busy
    thread checks once a second, and at once after an error.
    """
    failed = any(connection.errors_occurred for connection in connections.all(initialized_only=True))
    if failed or time.monotonic() - getattr(_trusted, "at", -IDLE) >= IDLE:
        close_old_connections()
        _trusted.at = time.monotonic()


@worker_init.connect
def bound_its_end(sender: Any, **_: object) -> None:
    from . import worker_shutdown  # the apps are loaded by now

    worker_shutdown.bound(sender, settings.WORKER_END_WITHIN.total_seconds())
