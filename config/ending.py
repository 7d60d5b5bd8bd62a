"""Bounds the end of a worker: what it cannot finish in time goes back, and the process ends.

Celery's own bound, `worker_soft_shutdown_timeout`, is not for SIGTERM, and its cold shutdown cannot cancel threads: a
worker told to stop waits for its longest task, and whoever stopped it (Docker, Kubernetes, systemd) kills it before.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state
from kombu.transport import virtual

from outbox.consuming import restart
from sagas.worker.in_hand import put_down

log = logging.getLogger(__name__)

GIVING_BACK = 5.0  # seconds: a database or a broker that does not answer keeps no process alive


class Ending:
    """The end of this process's worker."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._begun = False

    def begin(self, seconds: float) -> None:
        """Let the worker end by itself for so long, and then end it. Called by signal handlers."""
        if not self._begun:
            self._begun = seconds > 0  # asked again to end at once, it does
            _later(seconds, self._cut_short)

    def _cut_short(self) -> None:
        _later(GIVING_BACK, os._exit, 1)
        tasks = sorted(request.name for request in tuple(state.active_requests))
        log.warning("worker.cut_short", extra={"unfinished": len(tasks), "tasks": tasks})
        for give_back in (self._runs, self._deliveries, self._messages):
            try:
                give_back()
            except Exception:
                # The leases end, and the broker hands the messages out again, without us: later.
                log.exception("worker.not_given_back", extra={"what": give_back.__name__.strip("_")})
        os._exit(0)  # threads cannot be ended in any other way

    def _runs(self) -> None:
        """Before the messages: a step is free when its message comes to another worker."""
        put_down(self._worker.hostname)

    def _deliveries(self) -> None:
        restart.free_deliveries(self._worker.hostname)

    def _messages(self) -> None:
        """Redis keeps what was taken and not confirmed until the visibility timeout; RabbitMQ sees the socket close."""
        consumer = self._worker.consumer.task_consumer
        if consumer is None or not isinstance(consumer.channel, virtual.Channel):
            return
        while any(consumer.consuming_from(queue) for queue in consumer.queues):
            time.sleep(0.02)  # or we would take again what we hand back; GIVING_BACK ends this too
        consumer.channel.close()  # reads what Redis may have sent meanwhile, and puts back all that is not confirmed


def bound(worker: Any, seconds: float) -> None:
    """Have the worker, which has not begun yet, end within so many seconds of a SIGTERM, and at once on SIGQUIT."""
    ending = Ending(worker)

    def on_quit(_signum: int, _frame: object) -> None:
        vars(state)["should_stop"] = 0  # take no more
        ending.begin(0)

    def when_ready(**_: object) -> None:
        signal.signal(signal.SIGQUIT, on_quit)  # Celery would cancel the tasks, which fails for threads, and go on

    def when_told(**_: object) -> None:
        ending.begin(seconds)

    worker_ready.connect(when_ready, weak=False)
    worker_shutting_down.connect(when_told, weak=False)


def _later(seconds: float, function: Any, *arguments: Any) -> None:
    timer = threading.Timer(seconds, function, arguments)
    timer.daemon = True
    timer.start()
