"""kombu's Redis transport with one client a channel.

kombu 5.7 makes a `redis.Redis` for every acknowledgement, every message it takes and every one it publishes: 75 µs
each with redis-py 8.1, a fifth of a busy worker's time. A client is safe to share between threads: it takes a
connection from the channel's pool for each command.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis

_kombu: Any = redis  # the type stubs know little of it


class Channel(_kombu.Channel):  # type: ignore[misc]
    """A channel that keeps its client as long as its pool."""

    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """The channel's client; a new one for each caller that listens, whose connection is its own."""
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._kept is None or self._kept.connection_pool is not self.pool:  # after a fork and when it is closed
            self._kept = super()._create_client()
        return self._kept


class Transport(_kombu.Transport):  # type: ignore[misc]
    """What `redis://` and `rediss://` mean to kombu in this project: see `config/celery.py`."""

    Channel = Channel
