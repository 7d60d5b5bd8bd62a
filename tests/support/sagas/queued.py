"""Runs that no worker has taken, and one that a worker takes."""

from __future__ import annotations

from uuid import uuid4

from sagas.models import Run
from sagas.presentation.queue import queue
from sagas.sql.claim import claim


def take(run: Run) -> None:
    """Claim the run's current step, as a worker does first of all; then what this process knew of the queue is old."""
    given = {"run": run.pk, "position": run.position, "version": run.version, "lease": 60.0}
    assert claim({**given, "worker": "test", "task": str(uuid4()), "traceparent": ""}, undo=False)
    queue.forget()
