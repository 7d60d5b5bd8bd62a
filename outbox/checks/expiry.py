"""Checks that beat's ticks expire: not never, which fills the broker, and not too soon, which loses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings as project
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections
from django.utils.module_loading import import_string

from ..heartbeats import beat_schedule
from ..heartbeats.duties import DUTIES

SHORTEST = timedelta(seconds=30)
"""More than well-kept clocks differ by, and more than a tick waits in a queue that workers read."""
DATABASES = "django_celery_beat.schedulers.DatabaseScheduler"
ROW = "Take its row from `sagas.schedule` or `outbox.schedule`, or make it with `outbox.schedule.row`."


@register("outbox")
def check_expiry(**_: object) -> list[CheckMessage]:
    """Each row of CELERY_BEAT_SCHEDULE that sends a duty."""
    reads = _reads()
    duties = {name: entry for name, entry in beat_schedule.entries().items() if entry.get("task") in DUTIES}
    return [problem for name, entry in duties.items() for problem in _problems(name, entry, reads)]


@register(Tags.database)
def check_rows(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The same for rows made in the admin. Beat writes the rows of the settings again when it starts."""
    if not databases or "default" not in databases or not apps.is_installed("django_celery_beat"):
        return []
    rows: Any = apps.get_model("django_celery_beat", "PeriodicTask")
    if rows._meta.db_table not in connections["default"].introspection.table_names():
        return []
    found = rows._default_manager.filter(enabled=True, task__in=DUTIES, expires=None, expire_seconds=None)
    return [
        Warning(
            f"The periodic task {name!r} never expires: its ticks pile up in the broker while no worker runs.",
            hint="Give it `expire seconds`, 60 for a task that runs each second; beat writes its own rows again.",
            id="outbox.W022",
        )
        for name in found.exclude(name__in=beat_schedule.entries()).values_list("name", flat=True)
    ]


def _reads() -> str:
    """The name of the option that the scheduler reads."""
    named = str(getattr(project, "CELERY_BEAT_SCHEDULER", "") or "celery.beat:PersistentScheduler")
    try:
        scheduler = import_string(named.replace(":", "."))
    except ImportError:
        return "expires"  # beat itself reports the error
    bases = {f"{base.__module__}.{base.__qualname__}" for base in getattr(scheduler, "__mro__", ())}
    return "expire_seconds" if DATABASES in bases else "expires"


def _problems(name: str, entry: dict[str, Any], reads: str) -> Iterator[CheckMessage]:
    options = entry.get("options") or {}
    given = options.get(reads)
    if given is None:
        text = f"The row {name!r} of CELERY_BEAT_SCHEDULE never expires: ticks pile up while no worker runs."
        if reads not in options and "expires" in options:
            text = f"The row {name!r} of CELERY_BEAT_SCHEDULE never expires: django-celery-beat drops `expires`."
        yield Warning(text, hint=ROW, id="outbox.W020")
    elif isinstance(given, int | float) and given < SHORTEST.total_seconds():
        text = (
            f"The row {name!r} of CELERY_BEAT_SCHEDULE expires after {given:g} s: when beat's clock is that far behind "
            "a worker's, every tick is thrown away."
        )
        yield Warning(text, hint=f"Give it at least {SHORTEST.total_seconds():g} s. {ROW}", id="outbox.W021")
