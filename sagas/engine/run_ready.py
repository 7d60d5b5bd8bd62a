"""The event that a run waits for a worker. Whoever changes where a run goes publishes it with that change."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from outbox import event, publish
from outbox.publishing.publish import ring_after_commit


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


def ring_on_commit(ready: RunReady, key: str) -> None:
    """Have the relay send the run's chain once the surrounding transaction has committed."""
    publish(ready, key=key)
    ring_after_commit(urgent=True)
