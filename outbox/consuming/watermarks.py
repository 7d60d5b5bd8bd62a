"""How far workers have read a queue: what was sent before its watermark has left it. What has not needs no copy.

A watermark is a small task that goes into the queue behind all that waits there, and carries the time at which it was
sent. The worker that takes it writes that time down: by then workers have taken all that stood before it. The broker
need not be asked, and one that forgot everything is found out too: the next watermark comes through at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from ..sql import watermarks as sql

TASK = "outbox.watermark"


def queue_of(task: str) -> str:
    """The queue to which this app sends a task of that name."""
    queue = current_app.amqp.router.route({}, task)["queue"]
    return str(getattr(queue, "name", queue))


def passed(queues: Iterable[str]) -> dict[str, datetime]:
    """When the last watermark was sent that came through, for each of the queues that ever had one."""
    return dict(sql.passed(sorted(set(queues))))


def send_due(queues: Iterable[str]) -> Exception | None:
    """Send a watermark into each queue in which none is under way, or for too long; why not, if the broker is away."""
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
                    task.apply_async(queue=queue, producer=producer, retry=False)
            except broken as error:  # or one that takes nothing: out of memory, read-only
                return OperationalError(str(error))
    except OperationalError as error:
        return error
    return None


def record_passed(queue: str, sent_at: str) -> None:
    """A worker has taken the watermark that was sent then."""
    sql.note_passed(queue, datetime.fromisoformat(sent_at))
