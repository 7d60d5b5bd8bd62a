"""A worker's signs of life: every few seconds it writes what it takes, how busy it is, and whether its loop turns.

A thread of its own writes them, so that a database that is slow or away holds up no task. The loop that receives
messages only notes, each second, that it turns: a worker whose loop stands still writes on, and says since when.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from celery import bootsteps, signals
from celery.worker import state as this_worker
from django.db import connection

from .. import settings, sql
from ..sql import Sign

logger = logging.getLogger(__name__)

TURN = 1.0  # seconds between two notes of the loop
POOLS = {"thread": "threads"}  # as people write --pool, where Celery's module is called otherwise
LAST_WORD = 3.0  # seconds that a worker which stops waits for its row to go


@dataclass
class Presence:
    """What this process's worker says of itself. Only the thread `worker-presence` asks the database."""

    worker: Any = None
    is_connected: bool = False
    is_ending: bool = False
    is_gone: bool = False
    queues: tuple[str, ...] = ()
    begun: int = 0
    """How many tasks it had begun by its last sign."""
    began_at: float = field(default_factory=time.monotonic)
    """When it was seen to have begun another, or started."""
    started_at: float = field(default_factory=time.monotonic)
    turned_at: float = field(default_factory=time.monotonic)
    """When its loop last turned."""
    _due: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Leave signs from now on."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._leave_signs, name="worker-presence", daemon=True)
            self._thread.start()

    def turned(self, consumer: Any) -> None:
        """The loop turns: note what only its own thread can read safely."""
        self.turned_at = time.monotonic()
        self.queues = tuple(sorted(queue.name for queue in consumer.task_consumer.queues))

    def end(self) -> None:
        """It was told to stop: it takes no more messages, and its loop need not turn any more."""
        self.is_ending = True
        self._due.set()

    def leave(self) -> None:
        """It has stopped: its row goes."""
        self.is_gone = True
        self._due.set()
        if self._thread is not None:
            self._thread.join(LAST_WORD)

    def sign(self) -> Sign:
        """What it would write now."""
        now, pool = time.monotonic(), getattr(self.worker, "pool", None)
        kind = type(pool).__module__.rpartition(".")[2] if pool is not None else ""
        if this_worker.all_total_count[0] != self.begun:
            self.begun, self.began_at = this_worker.all_total_count[0], now
        return Sign(
            name=str(self.worker.hostname),
            pid=os.getpid(),
            release=settings.release(),
            pool=POOLS.get(kind, kind),
            size=int(getattr(pool, "limit", 0) or 0),
            busy=len(this_worker.active_requests),
            queues=list(self.queues),
            begun=self.begun,
            quiet_for=now - self.began_at,
            started_for=now - self.started_at,
            loop_silent=now - self.turned_at,
            is_connected=self.is_connected,
            is_ending=self.is_ending,
        )

    def _leave_signs(self) -> None:
        while not self.is_gone:
            self._say(lambda: sql.leave_sign(self.sign()))
            self._due.wait(settings.heartbeat_every().total_seconds())
            self._due.clear()
        self._say(lambda: sql.forget_worker(str(self.worker.hostname), os.getpid()))
        connection.close()

    def _say(self, statement: Any) -> None:
        """A sign that cannot be left is lost: readers see that the last one grows old."""
        try:
            statement()
        except Exception:
            logger.warning("A worker could not say that it lives", exc_info=True)
            connection.close()


class Turning(bootsteps.StartStopStep):
    """Has the consumer's loop note that it turns, from each connection to the broker until that is lost."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        self._timer: Any = None
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:
        presence.is_connected = True
        presence.turned(consumer)
        self._timer = consumer.timer.call_repeatedly(TURN, presence.turned, (consumer,))
        presence.begin()

    def stop(self, consumer: Any) -> None:
        presence.is_connected = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


presence = Presence()


@signals.worker_init.connect
def _introduce(sender: Any = None, **_: Any) -> None:
    presence.worker = sender
    sender.app.steps["consumer"].add(Turning)


@signals.worker_shutting_down.connect
def _end(**_: Any) -> None:
    presence.end()


@signals.worker_shutdown.connect
def _leave(**_: Any) -> None:
    presence.leave()
