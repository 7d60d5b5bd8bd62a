"""Shows Flower the steps that a worker runs in place: the events that Celery sends for a task of its own."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Any

from celery import current_app
from celery.signals import worker_init

from .taken import Taken


class _Here:
    """The Celery worker that this process is, or was forked from."""

    worker: Any = None
    pid = 0


@worker_init.connect(weak=True)
def _remember(sender: Any = None, **_: Any) -> None:
    _Here.worker, _Here.pid = sender, os.getpid()


class Shown:
    """One step in place, from its beginning to its end: `with Shown(request, taken) as shown`."""

    def __init__(self, request: Any, taken: Taken) -> None:
        self.request, self.taken = request, taken
        self.ending: tuple[str, dict[str, Any]] | None = None

    def __enter__(self) -> Shown:
        self.began = time.monotonic()
        title = f"{self.taken.step.title}.undo" if self.taken.undo else self.taken.step.title
        received = {"name": title, "args": f"({self.taken.run_id!s},)", "kwargs": "{}", "retries": 0}
        family = {"root_id": self.request.root_id, "parent_id": self.request.id}
        self._send(("task-received", {**received, **family}), ("task-started", {}))
        return self

    def retried(self, why: str) -> None:
        """The step waits for its next attempt."""
        self.ending = ("task-retried", {"exception": why, "traceback": ""})

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if error is not None:
            self.ending = ("task-failed", {"exception": repr(error), "traceback": ""})
        runtime = time.monotonic() - self.began
        self._send(self.ending or ("task-succeeded", {"result": "None", "runtime": runtime}))

    def _send(self, *events: tuple[str, dict[str, Any]]) -> None:
        worker = _Here.worker
        if worker is None or not worker.task_events:
            return
        if _Here.pid == os.getpid():
            dispatcher = worker.consumer.event_dispatcher
            if dispatcher is not None:
                self._send_by(dispatcher, events)
            return
        # A child of the prefork pool: the worker's connection is not ours to use.
        with current_app.producer_pool.acquire(block=True) as producer:
            dispatcher = current_app.events.Dispatcher(
                producer.connection, hostname=self.request.hostname, channel=producer.channel, buffer_group=["task"]
            )
            self._send_by(dispatcher, events)
            dispatcher.flush()

    def _send_by(self, dispatcher: Any, events: tuple[tuple[str, dict[str, Any]], ...]) -> None:
        for kind, fields in events:
            dispatcher.send(kind, uuid=self.taken.worker.task_id, **fields)
