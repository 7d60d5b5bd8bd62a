"""The notifier: a hint through Redis that something was committed.

A lost hint costs at most one second, so nothing raises.

Every relay hears every ring, because nobody knows which relay owns the shard. A relay that starts looks first, so a
ring that nobody hears is not missed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from django.db import connection

from . import settings

HAS_CLIENT = find_spec("redis") is not None
"""False: the extra `redis` was not installed, since the broker is another one. Relays look when beat ticks."""
if TYPE_CHECKING or HAS_CLIENT:
    import redis
    from redis.backoff import NoBackoff
    from redis.client import PubSub
    from redis.retry import Retry

logger = logging.getLogger(__name__)

CHANNEL = "outbox:doorbell"
PLAIN, URGENT = b"", b"!"
TIMEOUT = 0.2  # seconds that a request may wait for Redis
QUIET_AFTER_RING = 0.004  # seconds after a ring in which nobody rings again: relays look once more after that time
PAUSE = 5.0  # seconds without a ring after a failure, so that an unreachable Redis does not slow each request
SILENCE = 1.0  # seconds before a listener without Redis tries to connect again


T = TypeVar("T")


def ring() -> None:
    """Wake the relays that listen."""
    now = time.monotonic()
    if now >= _bell.rung_at + QUIET_AFTER_RING:
        _bell.rung_at = now
        ask(lambda client: client.publish(CHANNEL, PLAIN))


def ring_urgently() -> None:
    """The same, for a message that somebody waits for: a relay that lets others gather goes at once."""
    now = time.monotonic()
    if now >= _bell.urged_at + QUIET_AFTER_RING:
        _bell.urged_at = _bell.rung_at = now
        ask(lambda client: client.publish(CHANNEL, URGENT))


def ask(question: Callable[[redis.Redis], T]) -> T | None:
    """What the notifier's Redis answers; None without one, and for some seconds after it could not be reached."""
    client = _bell.client()
    if client is None or time.monotonic() < _bell.silent_until:
        return None
    try:
        return question(client)
    except redis.RedisError as error:
        _bell.silent_until = time.monotonic() + PAUSE
        logger.warning("The doorbell cannot be rung; relays look once a second", extra={"error": str(error)})
        return None


def database() -> str:
    """What tells this process's database from others that share the Redis."""
    at = connection.settings_dict
    return f"{at['NAME']}@{at['HOST']}:{at['PORT']}"


class Listener:
    """Hears every ring from the moment it is opened. Without Redis it only waits."""

    def __init__(self) -> None:
        self.urgent = False
        """Whether one of the rings that were heard last was urgent."""
        self._pubsub: PubSub | None = None
        self._deaf_until = 0.0

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def listen(self, patience: timedelta) -> bool:
        """Wait for a ring, at most `patience`. Returns whether there was one; all rings until now count as one."""
        self.urgent = False
        until = time.monotonic() + patience.total_seconds()
        self._open()
        if self._pubsub is not None:
            try:
                return self._heard(self._pubsub, until)
            except redis.RedisError as error:
                self._fail(error)
        time.sleep(max(0.0, min(until - time.monotonic(), SILENCE)))
        return False

    def gather(self, seconds: float) -> None:
        """Wait so long, while messages gather; not after an urgent ring, and not on after one."""
        until = time.monotonic() + seconds
        while not self.urgent and (left := until - time.monotonic()) > 0:
            self.listen(timedelta(seconds=left))

    def _heard(self, pubsub: PubSub, until: float) -> bool:
        while (left := until - time.monotonic()) > 0:
            message = pubsub.get_message(timeout=left)
            if _is_ring(message):
                while message is not None:
                    self.urgent = self.urgent or message["data"] == URGENT
                    message = pubsub.get_message(timeout=0)
                return True
        return False

    def _open(self) -> None:
        client = _bell.client()
        if self._pubsub is not None or client is None or time.monotonic() < self._deaf_until:
            return
        try:
            pubsub: PubSub = cast(Any, client).pubsub()
            self._pubsub = pubsub
            pubsub.subscribe(CHANNEL)
            pubsub.get_message(timeout=TIMEOUT)  # the confirmation of the subscription
        except redis.RedisError as error:
            self._fail(error)

    def _fail(self, error: redis.RedisError) -> None:
        logger.warning("The doorbell cannot be heard; this relay looks once a second", extra={"error": str(error)})
        self._deaf_until = time.monotonic() + SILENCE
        self._close()

    def _close(self) -> None:
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub = None


def _is_ring(message: dict[str, object] | None) -> bool:
    return message is not None and message["type"] == "message"


class _Bell:
    """One Redis client for all threads of a process; redis-py pools its connections and notices a fork."""

    def __init__(self) -> None:
        self.silent_until = 0.0
        self.rung_at = self.urged_at = -QUIET_AFTER_RING
        self._clients: dict[str, redis.Redis] = {}
        self._lock = threading.Lock()

    def client(self) -> redis.Redis | None:
        """The client for OUTBOX_REDIS_URL; None when that is no Redis."""
        url = settings.redis_url()
        if not url or not HAS_CLIENT:
            return None
        with self._lock:
            if url not in self._clients:
                self._clients[url] = redis.Redis.from_url(
                    url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
                )
            return self._clients[url]


_bell = _Bell()
