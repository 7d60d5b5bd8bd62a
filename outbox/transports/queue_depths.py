"""Asks the broker how many messages wait in its queues, and which one has waited longest."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from celery import current_app
from kombu.exceptions import OperationalError

from ..consuming.watermarks import queue_of
from ..declare.events import registry
from ..messages import sending_time

PATIENCE = 2.0  # seconds for a connection, and for each answer
ABSENT = "404"  # AMQP's code for a queue that nobody has declared


class BrokerAway(Exception):
    """The broker does not answer."""


class Depth(NamedTuple):
    """A queue, as the broker shows it."""

    messages: int
    head: str
    """What tells its oldest message from others; empty where the broker does not show it."""
    sent_at: float | None = None
    """When that message was sent, in seconds since 1970 by its sender's clock; None when it does not say so."""


def named_queues() -> set[str]:
    """The queues that the settings and the subscribers name. Others are known by the workers that take them."""
    conf: Any = current_app.conf
    declared = {str(getattr(queue, "name", queue)) for queue in conf.task_queues or ()}
    routed = {queue_of(task) for task in _routed(conf.task_routes) if "*" not in task}
    asked = {one.queue for one in registry.subscribers.values() if one.queue}
    return declared | routed | asked


def read(queues: Iterable[str]) -> dict[str, Depth]:
    """How many messages wait in each; 0 for a queue that does not exist. Raises BrokerAway."""
    options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    is_redis = str(current_app.conf.broker_url or "").startswith(("redis", "sentinel"))
    broker: Any = current_app.connection_for_read(
        connect_timeout=PATIENCE, transport_options=options if is_redis else None
    )
    with broker:
        away = (*broker.connection_errors, *broker.channel_errors, OperationalError, OSError)
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=PATIENCE)
            return dict(_depths(broker, sorted(set(queues))))
        except away as error:
            raise BrokerAway(str(error).strip() or type(error).__name__) from error


def _depths(broker: Any, queues: Iterable[str]) -> Iterator[tuple[str, Depth]]:
    channel = broker.channel()
    for queue in queues:
        try:
            messages = int(channel.queue_declare(queue, passive=True).message_count)
        except broker.channel_errors as error:
            if str(getattr(error, "reply_code", "")) != ABSENT:
                raise
            messages, channel = 0, broker.channel()  # AMQP closes the one on which a queue was not found
        text = _head(channel, queue) if messages else b""
        digest = hashlib.sha256(text).hexdigest()[:32] if text else ""
        yield queue, Depth(messages, digest, sending_time.read(text))


def _head(channel: Any, queue: str) -> bytes:
    """Redis keeps a queue as a list: the message at its end is the next one that a worker takes."""
    redis = sys.modules.get("kombu.transport.redis")
    if redis is None or not isinstance(channel, redis.Channel):
        return b""
    with channel.conn_or_acquire() as client:
        text = client.lindex(f"{channel.global_keyprefix}{queue}", -1)
    return text if isinstance(text, bytes) else str(text or "").encode()


def _routed(routes: Any) -> Iterator[str]:
    """The tasks that CELERY_TASK_ROUTES names."""
    for one in routes if isinstance(routes, list | tuple) else [routes or {}]:
        if isinstance(one, dict):
            yield from (task for task in one if isinstance(task, str))
