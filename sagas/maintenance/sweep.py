"""The sweep: restarts every overdue run, after a lost message, a dead worker or a wait that is over."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from kombu.exceptions import OperationalError

from outbox.consuming import watermarks
from outbox.heartbeats import heartbeat
from outbox.messages import trace
from outbox.relay import lookback
from outbox.transports.task_messages import BatchPublishError

from .. import sql
from ..engine.diagnosis import clock
from ..engine.run_ready import RunReady
from ..engine.taking import ready_times
from ..errors import SagaError
from ..models import RunStatus
from ..participants.waiting import release
from ..settings import saga_settings
from ..sql import shares
from ..worker.chains import STEP_TASK, TAKE_TASK, TAKERS, UNDO_TASK, chain_of, send, take_task

logger = logging.getLogger(__name__)
wake_times = lookback.of_times("saga_run", "wake_at", "paused_at IS NULL")
takers_sent_at: datetime | None = None
"""When this process has last sent tasks that take; None when it has sent none that reached the broker."""


@heartbeat.leaves("sagas.sweep", "runs rung")
def ring_overdue() -> int:
    """Send a new chain for each overdue run, and for runs whose participant is back; returns how many runs.

    Copies may run at the same time: one of them sends each run's chain.

    A run whose last message is still in the workers' queue gets none, so that a long queue does not grow. Before its
    chain is sent, the run's next time is set, each time later, up to three times SAGAS_PATIENCE. When the broker is
    away that time is set back, and the next sweep tries again.
    """
    release()
    takers = _takers_for_stale()
    overdue = [rest for waits, *rest in _take_overdue() if not waits]
    chains = {run_id: links for run_id, *rest in overdue if (links := _chain(run_id, *rest)) is not None}
    try:
        send([*takers, *chains.values()])
    except (OperationalError, BatchPublishError) as error:  # or one that takes nothing: out of memory, read-only
        sql.GIVE_BACK.count({"ids": list(chains)})
        _forget_takers()
        logger.warning("saga.sweep_without_broker", extra={"runs": len(chains), "error": str(error)})
        return 0
    if chains:
        logger.debug("saga.swept", extra={"rung": len(chains)})
    return len(chains)


def _takers_for_stale() -> list[Any]:
    """The tasks that take runs which wait for any worker, where several have waited for too long.

    One by itself gets its own message, as all that is overdue.
    """
    parameters = {"patience": saga_settings.PATIENCE.total_seconds(), "since": ready_times.since()}
    for run_id, several in sql.STALE.rows(parameters):
        if several:
            return _takers(queued=bool(shares.QUEUED.rows({})))
        sql.execute(sql.UNPOOL, {"run": run_id})
    return _takers(queued=True)[:1] if shares.QUEUED.rows({}) else []


def _takers(*, queued: bool = False) -> list[Any]:
    """None while the last ones may be in the workers' queue still: it must not grow while nobody works."""
    global takers_sent_at
    queue = watermarks.queue_of(TAKE_TASK)
    if takers_sent_at is not None:
        passed = watermarks.passed([queue]).get(queue)
        if passed is None or passed < takers_sent_at:
            watermarks.send_due([queue])
            return []
    takers_sent_at = clock()
    return [take_task(queued=queued)] * TAKERS


def _forget_takers() -> None:
    global takers_sent_at
    takers_sent_at = None


def _take_overdue() -> list[tuple[Any, ...]]:
    """The overdue runs, each with its next time set. A row begins with whether the run's message is still queued."""
    queues = {watermarks.queue_of(task) for task in (STEP_TASK, UNDO_TASK)}
    passed = watermarks.passed(queues)
    parameters = {
        "batch": saga_settings.SWEEP_BATCH,
        "patience": saga_settings.PATIENCE.total_seconds(),
        "since": wake_times.since(),
        "passed": min(passed.values()) if passed.keys() == queues else None,
    }
    rows = sql.SWEEP.rows(parameters)
    if any(waits for waits, *_ in rows):
        watermarks.send_due(queues)
    return rows


def _chain(run_id: Any, name: str, version: int, status: str, position: int, request_id: str, traceparent: str) -> Any:
    """The run's chain; None when this process does not declare the saga. Another process may."""
    ready = RunReady(run_id, name, version, status == RunStatus.UNDOING, position)
    try:
        with trace.use(trace.start(request_id, traceparent).child()):
            return chain_of(ready)
    except SagaError as error:
        logger.error("saga.cannot_ring", extra={"run": str(run_id), "error": str(error)})
        return None
