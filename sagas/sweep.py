"""Rings every run that somebody should have looked at by now: a lost chain, a dead worker, a retry that is due."""

from __future__ import annotations

import logging

from outbox import trace

from . import sql
from .dispatch import RunReady, send
from .errors import SagaError
from .models import RunStatus
from .settings import saga_settings

logger = logging.getLogger(__name__)


def ring_overdue() -> int:
    """Send the chains of overdue runs; returns how many. Many copies may run at once: each run is rung by one of them.

    A run's next ring is put off before its chain is sent, further each time, so that a backlog of the workers does not
    fill the queue with copies, and a broker that is away costs one ring, not a run.
    """
    parameters = {"batch": saga_settings.SWEEP_BATCH, "patience": saga_settings.PATIENCE.total_seconds()}
    rung = 0
    for run_id, name, version, status, position, request_id, traceparent in sql.fetch(sql.SWEEP, parameters):
        ready = RunReady(run_id, name, version, status == RunStatus.UNDOING, position)
        try:
            with trace.use(trace.start(request_id, traceparent).child()):
                send([ready])
        except SagaError as error:  # this process runs code without that declaration; others may have it
            logger.error("saga.cannot_ring", extra={"run": str(run_id), "error": str(error)})
            continue
        rung += 1
    if rung:
        logger.info("saga.swept", extra={"rung": rung})
    return rung
