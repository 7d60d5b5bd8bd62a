"""Finds out how far workers have read a queue. A message sent before its watermark has left the queue needs no copy.

A watermark is a small task that carries the time at which it was sent. It goes into the queue behind all that waits
there. The worker that takes it records that time: workers have taken everything before it. The broker is not asked, and
a broker that lost everything is detected too, because the next watermark arrives at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from ..messages import sending_time
from ..sql import watermarks as sql

TASK = "outbox.watermark"


def queue_of(task: str) -> str:
    """The queue to which this Celery app sends a task of that name."""
    queue = current_app.amqp.router.route({}, task)["queue"]
    return str(getattr(queue, "name", queue))


def passed(queues: Iterable[str]) -> dict[str, datetime]:
    """For each queue, when the last watermark that arrived was sent; queues without one are missing."""
    return dict(sql.passed(sorted(set(queues))))


def send_due(queues: Iterable[str]) -> Exception | None:
    """Send a watermark into each queue that has none under way, or has waited too long. Returns the broker's error."""
    wanted = sql.take_due(sorted(set(queues)))
    if not wanted:
        return None
    try:
        with current_app.producer_pool.acquire(block=True) as pooled:
            producer: Any = pooled
            broken = (*producer.connection.connection_errors, *producer.connection.channel_errors)
            try:
                for queue, sent_at in wanted:
                    task = current_app.signature(TASK, args=(queue, sent_at.isoformat()), immutable=True)
                    task.apply_async(queue=queue, producer=producer, retry=False, headers=sending_time.stamped())
            except broken as error:  # or the broker accepts nothing: out of memory, read-only
                return OperationalError(str(error))
    except OperationalError as error:
        return error
    return None


def record_passed(queue: str, sent_at: str) -> None:
    """Record that a worker has taken the watermark that was sent then."""
    sql.note_passed(queue, datetime.fromisoformat(sent_at))
