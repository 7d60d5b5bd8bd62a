"""A hint through Redis that something was committed. Losing one costs a second at most: nothing here raises.

All relays hear a ring: nobody knows whose shard was written to. One that none hears is not missed: a relay that starts
looks first.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

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
TIMEOUT = 0.2  # seconds a request may wait for Redis
STANDS = 0.004  # seconds for which a ring stands: the relays look again after that, so nobody need ring meanwhile
PAUSE = 5.0  # seconds without ringing after a failure, so that an unreachable Redis does not slow every request
SILENCE = 1.0  # seconds that a listener without Redis waits before it tries again


def ring() -> None:
    """Wake the relays that listen."""
    client, now = _bell.client(), time.monotonic()
    if client is None or now < _bell.silent_until or now < _bell.rung_at + STANDS:
        return
    _bell.rung_at = now
    try:
        client.publish(CHANNEL, b"")
    except redis.RedisError as error:
        _bell.silent_until = time.monotonic() + PAUSE
        logger.warning("The doorbell cannot be rung; relays look once a second", extra={"error": str(error)})


class Listener:
    """One who hears every ring from when it was opened. Without Redis it only waits."""

    def __init__(self) -> None:
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
        """Wait for a ring, at most `patience`; whether there was one. All that were rung by now are one."""
        until = time.monotonic() + patience.total_seconds()
        self._open()
        if self._pubsub is not None:
            try:
                return self._heard(self._pubsub, until)
            except redis.RedisError as error:
                self._fail(error)
        time.sleep(max(0.0, min(until - time.monotonic(), SILENCE)))
        return False

    def _heard(self, pubsub: PubSub, until: float) -> bool:
        while (left := until - time.monotonic()) > 0:
            if _is_ring(pubsub.get_message(timeout=left)):
                while pubsub.get_message(timeout=0) is not None:
                    pass
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
            pubsub.get_message(timeout=TIMEOUT)  # that the subscription stands
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
    """One client for all threads of a process; redis-py pools its connections and notices a fork."""

    def __init__(self) -> None:
        self.silent_until = 0.0
        self.rung_at = -STANDS
        self._clients: dict[str, redis.Redis] = {}
        self._lock = threading.Lock()

    def client(self) -> redis.Redis | None:
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
