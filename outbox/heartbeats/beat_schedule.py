"""Which tasks beat sends: by the settings, and by the rows of django-celery-beat in the admin."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings as project


def entries() -> dict[str, dict[str, Any]]:
    """CELERY_BEAT_SCHEDULE."""
    return getattr(project, "CELERY_BEAT_SCHEDULE", None) or {}


def tasks() -> dict[str, bool]:
    """The tasks that beat knows, and whether it sends them: a person may have switched one off in the admin."""
    known = {str(entry.get("task")): True for entry in entries().values()}
    if apps.is_installed("django_celery_beat"):
        rows: Any = apps.get_model("django_celery_beat", "PeriodicTask")._default_manager
        kept: dict[str, bool] = {}
        for task, enabled in rows.values_list("task", "enabled"):
            kept[task] = kept.get(task, False) or enabled
        known.update(kept)
    return known
