"""Limits how long a worker takes to shut down: it hands back what it cannot finish in time, and the process ends.

Celery's own limit, `worker_soft_shutdown_timeout`, does not apply to SIGTERM, and its cold shutdown cannot cancel
threads. A worker told to stop would wait for its longest task, and Docker, Kubernetes or systemd would kill it first.
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

from . import telemetry

log = logging.getLogger(__name__)

GIVING_BACK = 5.0  # seconds; a database or a broker that does not answer must not keep the process alive


class Ending:
    """The shutdown of this process's worker."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._begun = False

    def begin(self, seconds: float) -> None:
        """Give the worker `seconds` to end by itself, then end it. Called by signal handlers."""
        if not self._begun:
            self._begun = seconds > 0  # a later request to end at once is still obeyed
            _later(seconds, self._cut_short)

    def _cut_short(self) -> None:
        _later(GIVING_BACK, os._exit, 1)
        tasks = sorted(request.name for request in tuple(state.active_requests))
        log.warning("worker.cut_short", extra={"unfinished": len(tasks), "tasks": tasks})
        for give_back in (self._runs, self._deliveries, self._messages, telemetry.flush):
            try:
                give_back()
            except Exception:
                # The leases expire and the broker redelivers the messages without us, only later.
                log.exception("worker.not_given_back", extra={"what": give_back.__name__.strip("_")})
        os._exit(0)  # threads cannot be ended in any other way

    def _runs(self) -> None:
        """Release the leases on steps. Before the messages, so that the next worker finds the step free."""
        put_down(self._worker.hostname)

    def _deliveries(self) -> None:
        restart.free_deliveries(self._worker.hostname)

    def _messages(self) -> None:
        """Requeue unacknowledged messages: Redis would keep them until a timeout; RabbitMQ sees the socket close."""
        consumer = self._worker.consumer.task_consumer
        if consumer is None or not isinstance(consumer.channel, virtual.Channel):
            return
        while any(consumer.consuming_from(queue) for queue in consumer.queues):
            time.sleep(0.02)  # or we would receive again what we requeue; GIVING_BACK limits this loop too
        consumer.channel.close()  # reads what Redis has sent meanwhile, and requeues all that is unacknowledged


def bound(worker: Any, seconds: float) -> None:
    """Have a worker that is starting end within `seconds` of SIGTERM, and at once on SIGQUIT."""
    ending = Ending(worker)

    def on_quit(_signum: int, _frame: object) -> None:
        vars(state)["should_stop"] = 0  # take no more messages
        ending.begin(0)

    def when_ready(**_: object) -> None:
        signal.signal(signal.SIGQUIT, on_quit)  # Celery's own would try to cancel tasks, which threads cannot

    def when_told(**_: object) -> None:
        ending.begin(seconds)

    worker_ready.connect(when_ready, weak=False)
    worker_shutting_down.connect(when_told, weak=False)


def _later(seconds: float, function: Any, *arguments: Any) -> None:
    timer = threading.Timer(seconds, function, arguments)
    timer.daemon = True
    timer.start()
