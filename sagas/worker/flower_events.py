"""Sends Flower the task events of the steps that a worker runs in place, as Celery does for a task of its own.

They are collected for 0.2 s and sent together, since each publishing costs more than a step does; each carries the time
at which it happened. Those of a worker that is killed meanwhile are lost: Flower is a window, not a record.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from types import TracebackType
from typing import Any, NamedTuple

from celery import current_app
from celery.signals import worker_init, worker_process_shutdown, worker_shutdown

from outbox.consuming import failures
from outbox.masking import masked
from outbox.messages import sending_time

from ..engine.work import ClaimedStep

logger = logging.getLogger(__name__)
GATHERED = 0.2
"""Seconds for which events are collected."""
LONGEST = 200
"""Characters of a label."""
Event = tuple[str, dict[str, Any]]


class Family(NamedTuple):
    """The task in which steps are carried out: its worker, its id, and the id of the task that began it all."""

    hostname: str
    id: str
    root_id: str

    @classmethod
    def of(cls, request: Any) -> Family:
        """The task's, by its request."""
        return cls(request.hostname or "", request.id or "", request.root_id or "")


class Shown:
    """One step in place, from its beginning to its end: `with Shown(family, work) as shown`."""

    def __init__(self, family: Family, work: ClaimedStep) -> None:
        self.family, self.work = family, work
        self.ending: Event | None = None

    def __enter__(self) -> Shown:
        self.began = time.monotonic()
        title = f"{self.work.step.title}.undo" if self.work.undo else self.work.step.title
        received = {"name": title, "args": shown_of(self.work), "kwargs": "{}", "retries": 0}
        family = {"root_id": self.family.root_id, "parent_id": self.family.id}
        self._tell("task-received", {**received, **family})
        self._tell("task-started", {})
        return self

    def retried(self, why: str) -> None:
        """The step waits for its next attempt."""
        self.ending = ("task-retried", {"exception": masked(why), "traceback": ""})

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if error is not None:
            self.ending = ("task-failed", {"exception": masked(repr(error)), "traceback": ""})
        runtime = time.monotonic() - self.began
        self._tell(*(self.ending or ("task-succeeded", {"result": "None", "runtime": runtime})))

    def _tell(self, kind: str, fields: dict[str, Any]) -> None:
        gathered.add(
            self.family.hostname, (kind, {"uuid": self.work.worker.task_id, "timestamp": time.time(), **fields})
        )


def tell_which(request: Any, work: ClaimedStep) -> None:
    """Tell Flower of which order, or the like, a task is that came as a message, which holds the run's id alone.

    Nobody sends an event when the message is sent. This one stands in for it: what it holds is added to what Flower
    knows of the task, whose state stays.
    """
    sent_at = (request.headers or {}).get(sending_time.HEADER)
    fields = {"uuid": request.id, "args": shown_of(work), "timestamp": sent_at or time.time()}
    gathered.add(request.hostname or "", ("task-sent", fields))


def shown_of(work: ClaimedStep) -> str:
    """The arguments that Flower shows of a step: the run's label, its key where it has none, and its id."""
    label = work.claim.key
    if work.saga.label is not None:
        try:
            label = str(work.saga.label(work.input))[:LONGEST]
        except Exception as error:  # the host's; a window that says less fails no step
            logger.warning("saga.no_label", exc_info=failures.stack_of(error), extra=work.facts)
    return f"({label}, {work.run_id!s})"


class Gathered:
    """Events on their way out, of all tasks of this process; a thread sends them a moment later."""

    def __init__(self) -> None:
        self.wanted = False
        self._events: list[Event] = []
        self._thread: threading.Thread | None = None
        self._clear()

    def add(self, hostname: str, event: Event) -> None:
        """Have the event sent soon, if this worker sends task events at all."""
        if not self.wanted:
            return
        if self._pid != os.getpid():  # forked: the parent's events and its thread are not ours
            self._clear()
        with self._lock:
            self._events.append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_later, args=(hostname,), daemon=True)
                self._thread.start()

    def flush(self, hostname: str) -> None:
        """Send what there is."""
        with self._lock:
            events, self._events, self._thread = self._events, [], None
        if not events:
            return
        try:
            with current_app.producer_pool.acquire(block=True) as producer:
                dispatcher = current_app.events.Dispatcher(
                    producer.connection,
                    hostname=hostname,
                    channel=producer.channel,
                    buffer_group=["task"],
                    buffer_limit=len(events) + 1,
                )
                for kind, fields in events:
                    dispatcher.send(kind, **fields)
                dispatcher.flush()
        except Exception as error:  # the broker is away; the steps are recorded all the same
            facts = {"events": len(events), "error": str(error)}
            logger.warning("saga.not_shown", exc_info=failures.stack_of(error), extra=facts)

    def _send_later(self, hostname: str) -> None:
        time.sleep(GATHERED)
        self.flush(hostname)

    def _clear(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._events = []
        self._thread = None


gathered = Gathered()


@worker_init.connect(weak=True)
def _remember(sender: Any = None, **_: Any) -> None:
    gathered.wanted = bool(sender.task_events)


@worker_process_shutdown.connect(weak=True)
@worker_shutdown.connect(weak=True)
def _send_the_last(sender: Any = None, **_: Any) -> None:
    gathered.flush(getattr(sender, "hostname", "") or "")
