"""How each of the broker's queues stands: how many messages wait, for how long, and how many workers take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from .. import sql
from ..messages import sending_time
from ..sql import HeadRow
from ..transports import queue_depths
from ..transports.queue_depths import BrokerAway, Depth
from . import workers
from .workers import WorkerStatus

UNATTENDED = timedelta(seconds=15)
"""For so long messages may wait for a worker that is being replaced."""
BEHIND = timedelta(minutes=1)
"""For longer the oldest message waits only where workers are too few."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """A queue of the broker."""

    name: str
    depth: int
    oldest: timedelta | None
    """How long ago its oldest message was sent; None when none waits, or the message or the broker does not say it."""
    seen: timedelta | None
    """For how long that message has been seen there, so that it has waited for at least as long; None when none is."""
    filled: timedelta | None
    """For how long it has been seen not to be empty; None when it is empty."""
    workers: int
    """How many workers take its messages."""

    @property
    def waited(self) -> timedelta | None:
        """For how long its oldest message has waited, or has at least waited."""
        return self.seen if self.oldest is None else self.oldest

    @property
    def is_unattended(self) -> bool:
        """Whether messages wait that no worker takes."""
        return bool(self.depth) and not self.workers

    @property
    def is_behind(self) -> bool:
        """Whether its workers are too slow."""
        return self.workers > 0 and self.waited is not None and self.waited > BEHIND


@dataclass(frozen=True, slots=True)
class Workforce:
    """All workers and all queues, at one moment."""

    workers: tuple[WorkerStatus, ...]
    queues: tuple[QueueStatus, ...]
    broker_error: str = ""
    """Why the broker could not be asked; then no queue is known."""


def read() -> Workforce:
    """Ask the broker and the database. What is seen of a queue is remembered, so that the next one knows its age."""
    known = workers.read()
    names = queue_depths.named_queues() | {queue for one in known for queue in one.row.queues}
    try:
        depths = queue_depths.read(names)
    except BrokerAway as error:
        return Workforce(tuple(known), (), str(error))
    heads = sql.see_heads(
        {name: depth.head for name, depth in depths.items() if depth.messages},
        [name for name, depth in depths.items() if not depth.messages],
    )
    waiting = {name: row.head_for for name, row in heads.items() if row.head}
    known = workers.read(waiting)
    return Workforce(tuple(known), tuple(_status(name, depths[name], heads, known) for name in sorted(depths)))


def _status(name: str, depth: Depth, heads: Mapping[str, HeadRow], known: Iterable[WorkerStatus]) -> QueueStatus:
    seen, sent_at = heads.get(name), depth.sent_at
    return QueueStatus(
        name=name,
        depth=depth.messages,
        oldest=None if sent_at is None else timedelta(seconds=sending_time.age(sent_at)),
        seen=seen.head_for if seen and seen.head else None,
        filled=seen.filled_for if seen else None,
        workers=len(workers.takers(known, name)),
    )
