"""What a project's settings say to Celery, for the engine and the outbox. Settings may import this module."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.checks import register

from outbox import schedule as of_the_outbox
from outbox.schedule import row

from .hosting import check_installed

SCHEDULE: dict[str, dict[str, Any]] = {
    **of_the_outbox.SCHEDULE,
    "every-second-sweep-overdue-sagas": row("sagas.sweep", timedelta(seconds=1)),
    "every-second-work-off-bulk-acts": row("sagas.bulk", timedelta(seconds=1)),
    "every-second-start-what-schedules-say": row("sagas.schedules", timedelta(seconds=1)),
    "every-minute-start-a-canary-run": row("sagas.canary", timedelta(minutes=1)),
    "twice-a-minute-evaluate-alerts": row("sagas.alerts", timedelta(seconds=30)),
    "every-ten-seconds-count-what-has-ended": row("sagas.tally", timedelta(seconds=10)),
    "every-hour-prune-finished-sagas": row("sagas.prune", timedelta(hours=1), timedelta(hours=1)),
}
"""For CELERY_BEAT_SCHEDULE."""
ROUTES: dict[str, dict[str, str]] = {
    **of_the_outbox.ROUTES,
    "sagas.run_step": {"queue": "sagas"},
    "sagas.undo_step": {"queue": "sagas"},
    "sagas.take": {"queue": "sagas"},
    "sagas.wake_parent": {"queue": "sagas"},
    "sagas.sweep": {"queue": "upkeep"},
    "sagas.prune": {"queue": "upkeep"},
    "sagas.bulk": {"queue": "upkeep"},
    "sagas.canary": {"queue": "upkeep"},
    "sagas.schedules": {"queue": "upkeep"},
    "sagas.alerts": {"queue": "upkeep"},
    "sagas.tally": {"queue": "upkeep"},
}
"""For CELERY_TASK_ROUTES."""


def celery_settings(
    broker_url: str,
    *,
    schedule: Mapping[str, Any] | None = None,
    routes: Mapping[str, Any] | None = None,
    broker_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """As `outbox.schedule.celery_settings`, with the engine's rows and routes besides the outbox's."""
    register(check_installed, "sagas")
    return of_the_outbox.celery_settings(
        broker_url,
        schedule={**SCHEDULE, **(schedule or {})},
        routes={**ROUTES, **(routes or {})},
        broker_options=broker_options,
    )
