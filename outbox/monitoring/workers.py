"""How each worker stands: alive, ending, cut off from the broker, frozen, lost, or deaf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from .. import settings, sql
from ..sql import WorkerRow

UNHEARD = timedelta(seconds=15)
"""For so long a message waits in a queue before a worker that is free and does not take it is deaf."""


def silence() -> timedelta:
    """Without a sign for so long a worker is frozen or lost. It leaves one each OUTBOX_HEARTBEAT_EVERY."""
    return max(timedelta(seconds=20), 4 * settings.heartbeat_every())


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker that has not stopped in order."""

    row: WorkerRow
    deaf_to: tuple[str, ...] = ()
    """Its queues in which a message waits while it has nothing to do."""

    @property
    def state(self) -> str:
        """alive, ending, cut off, deaf, frozen (its process, or only its loop), or lost."""
        row = self.row
        if row.silent_for > silence():
            return "frozen" if row.has_session else "lost"
        if row.is_ending:
            return "ending"
        if not row.is_connected:
            return "cut off"
        if row.loop_silent > silence() and not self._works_in_its_loop:
            return "frozen"
        return "deaf" if self.deaf_to else "alive"

    @property
    def is_working(self) -> bool:
        """Whether it takes messages."""
        return self.state == "alive"

    @property
    def for_how_long(self) -> timedelta:
        """For how long it has been in its state, as far as is known."""
        if self.state in ("frozen", "lost"):
            return max(self.row.silent_for, self.row.loop_silent)
        return self.row.quiet_for if self.state == "deaf" else self.row.started_for

    @property
    def _works_in_its_loop(self) -> bool:
        """A pool `solo` carries out its tasks in the loop, which does not turn meanwhile."""
        return self.row.pool == "solo" and self.row.busy > 0


def read(waiting: Mapping[str, timedelta] | None = None) -> list[WorkerStatus]:
    """All workers, by name. `waiting`: for how long the oldest message of each queue has surely waited."""
    rows = [row for row in sql.workers() if not (row.is_ending and row.silent_for > silence())]
    return [WorkerStatus(row, tuple(_unheard(row, waiting or {}))) for row in rows]


def takers(workers: Iterable[WorkerStatus], queue: str) -> list[WorkerStatus]:
    """Those that take messages from the queue."""
    return [one for one in workers if one.is_working and queue in one.row.queues]


def _unheard(row: WorkerRow, waiting: Mapping[str, timedelta]) -> list[str]:
    if row.busy >= max(row.size, 1) or row.quiet_for <= UNHEARD:
        return []
    return [queue for queue in row.queues if waiting.get(queue, timedelta(0)) > UNHEARD]
