"""Rings every run that somebody should have looked at by now: a lost chain, a dead worker, a retry that is due."""

from __future__ import annotations

import logging
from typing import Any

from kombu.exceptions import OperationalError

from outbox.consuming import watermarks
from outbox.heartbeats import heartbeat
from outbox.messages import trace
from outbox.relay import lookback
from outbox.transports.celery import BatchPublishError

from .. import sql
from ..engine.run_ready import RunReady
from ..errors import SagaError
from ..models import RunStatus
from ..participants.waiting import release
from ..settings import saga_settings
from ..worker.chains import STEP_TASK, UNDO_TASK, chain_of, send

logger = logging.getLogger(__name__)
begin = lookback.of_times("saga_run", "wake_at", "paused_at IS NULL")


@heartbeat.leaves("sagas.sweep", "runs rung")
def ring_overdue() -> int:
    """Send the chains of overdue runs, of those too whose participant is back; returns how many.

    Many copies may run at once: each run is rung by one of them.

    A run whose message still waits in the workers' queue is not rung: a long queue is not made longer. A run's next
    ring is put off before its chain is sent, further each time up to three times SAGAS_PATIENCE. A broker that is away
    puts off nothing: the next sweep tries again.
    """
    release()
    overdue = [rest for waits, *rest in _look() if not waits]
    chains = {run_id: links for run_id, *rest in overdue if (links := _chain(run_id, *rest)) is not None}
    try:
        send(chains.values())
    except (OperationalError, BatchPublishError) as error:  # or one that takes nothing: out of memory, read-only
        sql.GIVE_BACK.count({"ids": list(chains)})
        logger.warning("saga.sweep_without_broker", extra={"runs": len(chains), "error": str(error)})
        return 0
    if chains:
        logger.info("saga.swept", extra={"rung": len(chains)})
    return len(chains)


def _look() -> list[tuple[Any, ...]]:
    """The overdue runs, each given its next time; first of all whether its message is still in the queue."""
    queues = {watermarks.queue_of(task) for task in (STEP_TASK, UNDO_TASK)}
    passed = watermarks.passed(queues)
    parameters = {
        "batch": saga_settings.SWEEP_BATCH,
        "patience": saga_settings.PATIENCE.total_seconds(),
        "since": begin.since(),
        "passed": min(passed.values()) if passed.keys() == queues else None,
    }
    rows = sql.SWEEP.rows(parameters)
    if any(waits for waits, *_ in rows):
        watermarks.send_due(queues)
    return rows


def _chain(run_id: Any, name: str, version: int, status: str, position: int, request_id: str, traceparent: str) -> Any:
    """The run's links; None for a run whose declaration this process does not have. Another process may have it."""
    ready = RunReady(run_id, name, version, status == RunStatus.UNDOING, position)
    try:
        with trace.use(trace.start(request_id, traceparent).child()):
            return chain_of(ready)
    except SagaError as error:
        logger.error("saga.cannot_ring", extra={"run": str(run_id), "error": str(error)})
        return None
