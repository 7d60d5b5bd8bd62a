"""Beat's rows and the queues of this app's tasks, for a project's settings, which may import it.

A tick that nobody took in time is worth nothing: it expires. Its time is beat's clock against a worker's, so that it
must be well above what the two differ by and what a tick waits in its queue: see `EXPIRY`. Celery's own scheduler reads
it as `expires`; the one of django-celery-beat as `expire_seconds`, and drops the other in silence. A row carries both.

A worker throws an expired tick away when it comes to it. Until then Redis keeps it; RabbitMQ does not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
