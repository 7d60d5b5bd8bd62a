"""The Celery app."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("settle")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def drop_broken_connections(**_: object) -> None:
    """Connections outlive a task (CELERY_DB_REUSE_MAX); one that PostgreSQL closed must not fail the next task."""
    close_old_connections()
