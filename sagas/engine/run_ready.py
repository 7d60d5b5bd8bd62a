"""The event that a run waits for a worker. Whoever changes where a run goes publishes it with that change."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from outbox import event, publish
from outbox.messages import trace
from outbox.publishing.publish import ring_after_commit

from ..models import Run


@event("sagas.run_ready", version=1)
@dataclass(frozen=True)
class RunReady:
    """A run waits for a worker: at its start, and whenever a transaction outside a worker changed where it goes."""

    run_id: UUID
    saga: str
    version: int
    undo: bool
    position: int
    """The step to run, or to undo, next; the chain holds it and all that follow."""


def ring_on_commit(ready: RunReady, run: Run) -> None:
    """Have the relay send the run's chain once the surrounding transaction has committed.

    It goes on in its own trace, whoever sets it going: a customer, an operator, a report of a participant.
    """
    with trace.use(trace.start(run.request_id, run.traceparent).child()):
        publish(ready, key=run.key)
    ring_after_commit(urgent=True)
