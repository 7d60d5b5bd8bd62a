"""Beat's entries and the queues for the tasks of both apps. A project's settings may import this module."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from outbox import schedule
from outbox.schedule import row

SCHEDULE: dict[str, dict[str, Any]] = {
    **schedule.SCHEDULE,
    "every-second-sweep-overdue-sagas": row("sagas.sweep", timedelta(seconds=1)),
    "every-second-work-off-bulk-acts": row("sagas.bulk", timedelta(seconds=1)),
    "every-hour-prune-finished-sagas": row("sagas.prune", timedelta(hours=1), timedelta(hours=1)),
}
"""For CELERY_BEAT_SCHEDULE."""
ROUTES: dict[str, dict[str, str]] = {
    **schedule.ROUTES,
    "sagas.run_step": {"queue": "sagas"},
    "sagas.undo_step": {"queue": "sagas"},
    "sagas.sweep": {"queue": "upkeep"},
    "sagas.prune": {"queue": "upkeep"},
    "sagas.bulk": {"queue": "upkeep"},
}
"""For CELERY_TASK_ROUTES."""
