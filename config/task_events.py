"""The task events that workers send to Flower: Celery's own, in which an error that quotes a secret shows it masked."""

from __future__ import annotations

from typing import Any

from celery.app.events import Events as CelerysEvents
from celery.events.dispatcher import EventDispatcher

QUOTED = ("exception", "traceback")
"""Fields of `task-failed` and `task-retried` that hold what a participant said."""


class Dispatcher(EventDispatcher):
    """Celery uses one in each worker."""

    def send(self, type: str, *args: Any, **fields: Any) -> Any:
        """See `EventDispatcher.send`."""
        from outbox.masking import masked  # the apps are loaded by now

        hidden = {name: masked(str(fields[name])) for name in QUOTED if fields.get(name)}
        return super().send(type, *args, **{**fields, **hidden})


class Events(CelerysEvents):
    """Celery uses it as `app.events`."""

    dispatcher_cls = "config.task_events:Dispatcher"
