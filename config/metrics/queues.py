"""How many messages wait in the broker's queues, and for how long, where the broker is Redis.

Another broker exports its own metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import redis
from django.conf import settings

from outbox.messages import sending_time
from outbox.monitoring.metrics import subscriber_queues
from outbox.monitoring.samples import Kind, Metric, Values

TIMEOUT = 2  # seconds


def metrics() -> Iterator[Metric]:
    """The depth of each queue, and the age of its oldest message. Raises redis.RedisError."""
    names = queues() if settings.CELERY_BROKER_URL.startswith(("redis://", "rediss://")) else []
    says = "Messages in a queue of the broker that no worker has fetched."
    found = heads(names)
    depths: Values = {(name,): float(head.messages) for name, head in found.items()}
    yield Metric("celery_queue_messages", Kind.GAUGE, says, ("queue",), depths)
    says = "How long ago the oldest message of a queue was sent; missing where the message does not say when."
    ages: Values = {(name,): head.age for name, head in found.items() if head.age is not None}
    yield Metric("celery_queue_oldest_seconds", Kind.GAUGE, says, ("queue",), ages)


def queues() -> list[str]:
    """The queues that tasks are sent to."""
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    return sorted(routed | subscriber_queues() | {settings.CELERY_TASK_DEFAULT_QUEUE})


class Head(NamedTuple):
    """How a queue stands."""

    messages: int
    age: float | None
    """Seconds since its oldest message was sent, 0 when none waits; None when it does not say so."""


def heads(names: list[str]) -> dict[str, Head]:
    if not names:
        return {}
    url = settings.CELERY_BROKER_URL
    with redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as client:
        pipeline = client.pipeline(transaction=False)
        for name in names:
            pipeline.llen(name).lindex(name, -1)  # a worker takes from the list's end
        answers = pipeline.execute()
    return {name: _head(*pair) for name, pair in zip(names, zip(answers[::2], answers[1::2], strict=True), strict=True)}


def _head(messages: int, oldest: bytes | None) -> Head:
    if oldest is None:
        return Head(messages, 0.0)
    sent_at = sending_time.read(oldest)
    return Head(messages, None if sent_at is None else sending_time.age(sent_at))
