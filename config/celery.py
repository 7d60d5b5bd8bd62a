"""The Celery app, and two signal handlers of its workers."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_init
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from . import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
telemetry.start()  # before anything connects or forks, whatever the worker's pool is

TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "config.redis_transport:Transport")

app = Celery("settle", events="config.task_events:Events")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def drop_broken_connections(**_: object) -> None:
    """Connections outlive a task (CELERY_DB_REUSE_MAX)."""
    from outbox.sql import driver  # the apps are loaded by now

    driver.drop_broken_connections()


@worker_init.connect
def bound_its_end(sender: Any, **_: object) -> None:
    from . import worker_shutdown  # the apps are loaded by now

    worker_shutdown.bound(sender, settings.WORKER_END_WITHIN.total_seconds())
