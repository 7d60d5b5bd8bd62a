"""How many messages wait in the broker's queues, where the broker is Redis. Another broker exports its own metrics."""

from __future__ import annotations

from collections.abc import Iterator

import redis
from django.conf import settings

from outbox.monitoring.metrics import subscriber_queues
from outbox.monitoring.samples import Kind, Metric

TIMEOUT = 2  # seconds


def metrics() -> Iterator[Metric]:
    """The depth of each queue. Raises redis.RedisError."""
    names = queues() if settings.CELERY_BROKER_URL.startswith(("redis://", "rediss://")) else []
    says = "Messages in a queue of the broker that no worker has fetched."
    yield Metric("celery_queue_messages", Kind.GAUGE, says, ("queue",), depths(names))


def queues() -> list[str]:
    """The queues that tasks are sent to."""
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    return sorted(routed | subscriber_queues() | {settings.CELERY_TASK_DEFAULT_QUEUE})


def depths(names: list[str]) -> dict[tuple[str, ...], float]:
    if not names:
        return {}
    url = settings.CELERY_BROKER_URL
    with redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as client:
        pipeline = client.pipeline(transaction=False)
        for name in names:
            pipeline.llen(name)
        return {(name,): depth for name, depth in zip(names, pipeline.execute(), strict=True)}
