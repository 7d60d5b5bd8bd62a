"""A hint through Redis that something was committed. Losing one costs a tick of beat at most: nothing here raises."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import settings

logger = logging.getLogger(__name__)

KEY = "outbox:doorbell"
TIMEOUT = 0.2  # seconds a request may wait for Redis
STANDS = 0.004  # seconds for which a ring stands: the relay looks again after that, so nobody need ring meanwhile
PAUSE = 5.0  # seconds without ringing after a failure, so that an unreachable Redis does not slow every request


def ring() -> None:
    """Wake the relay that listens. Rings that nobody has heard yet are one ring."""
    client, now = _bell.client(), time.monotonic()
    if client is None or now < _bell.silent_until or now < _bell.rung_at + STANDS:
        return
    _bell.rung_at = now
    try:
        with client.pipeline(transaction=False) as pipeline:
            pipeline.lpush(KEY, "1")
            pipeline.ltrim(KEY, 0, 0)
            pipeline.execute()
    except redis.RedisError as error:
        _bell.silent_until = time.monotonic() + PAUSE
        logger.warning("The doorbell cannot be rung; beat's tick relays instead", extra={"error": str(error)})


def listen(patience: timedelta) -> bool:
    """Wait for a ring, at most `patience`; whether there was one. Without Redis it only waits."""
    until = time.monotonic() + patience.total_seconds()
    client = _bell.listener()
    if client is not None:
        try:
            # BLPOP would take 0 for ever
            return client.blpop([KEY], timeout=max(patience.total_seconds(), 0.01)) is not None
        except redis.RedisError as error:
            logger.warning("The doorbell cannot be heard; beat's tick relays instead", extra={"error": str(error)})
    time.sleep(max(0.0, until - time.monotonic()))
    return False


class _Bell:
    """One client for all threads of a process; redis-py pools its connections and notices a fork."""

    def __init__(self) -> None:
        self.silent_until = 0.0
        self.rung_at = -STANDS
        self._clients: dict[tuple[str, float], redis.Redis] = {}
        self._lock = threading.Lock()

    def client(self) -> redis.Redis | None:
        return self._client(TIMEOUT)

    def listener(self) -> redis.Redis | None:
        """A client whose socket outwaits the longest listen there is."""
        return self._client(settings.relay_stay().total_seconds() + 5)

    def _client(self, timeout: float) -> redis.Redis | None:
        url = settings.redis_url()
        if not url:
            return None
        with self._lock:
            if (url, timeout) not in self._clients:
                self._clients[url, timeout] = redis.Redis.from_url(
                    url, socket_timeout=timeout, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
                )
            return self._clients[url, timeout]


_bell = _Bell()
