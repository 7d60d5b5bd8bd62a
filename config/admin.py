"""Beat's schedule in the admin: what can be changed there, and what cannot."""

from __future__ import annotations

import importlib.util
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask, SolarSchedule

SETTINGS_WIN = (
    "Beat's next start writes the rows of CELERY_BEAT_SCHEDULE from the settings again: of what was changed in those, "
    "only “enabled” is kept. Rows of other names are yours."
)


class ScheduleAdmin(PeriodicTaskAdmin):  # type: ignore[misc]
    """django-celery-beat's admin with a note, and without solar schedules when their package is not installed."""

    def get_fieldsets(self, request: HttpRequest, obj: PeriodicTask | None = None) -> list[Any]:
        first, *others = super().get_fieldsets(request, obj)
        first = (first[0], {**first[1], "description": SETTINGS_WIN})
        return [first, *((title, {**options, "fields": offered(options["fields"])}) for title, options in others)]


HAS_SUN = importlib.util.find_spec("ephem") is not None


def offered(fields: tuple[str, ...]) -> tuple[str, ...]:
    return fields if HAS_SUN else tuple(field for field in fields if field != "solar")


admin.site.unregister(PeriodicTask)
admin.site.register(PeriodicTask, ScheduleAdmin)
if not HAS_SUN:
    admin.site.unregister(SolarSchedule)
