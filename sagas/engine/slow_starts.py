"""Sagas whose first step has lately been slow: runs of theirs gain nothing by waiting for any worker.

Only who carries steps out knows how long they take; who starts runs learns it through Redis. It is forgotten after a
while, and found out again by the next runs that start together. Without Redis every saga counts as quick.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Any

from outbox import doorbell

from ..declare import registry
from ..declare.saga import Saga

REMEMBERED = 15.0
"""Seconds for which a saga counts as slow, once a worker has seen it."""
FRESH = 1.0
"""Seconds for which a reading is believed."""


class SlowStarts:
    """What this process knows of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = -FRESH
        self._slow: frozenset[Saga[Any]] = frozenset()

    def has(self, saga: Saga[Any]) -> bool:
        """Whether a worker has lately seen the saga's first step to be slow. Asks Redis at most once a second."""
        with self._lock:
            is_due = time.monotonic() - self._read_at >= FRESH
            if is_due:
                self._read_at = time.monotonic()
        if is_due:
            self._slow = _read(registry.all_sagas())
        return saga in self._slow

    def remember(self, sagas: Collection[Saga[Any]]) -> None:
        """The first steps of these are slow in this process."""

        def write(client: Any) -> None:
            with client.pipeline(transaction=False) as pipe:
                for saga in sagas:
                    pipe.set(_key(saga), 1, px=int(REMEMBERED * 1000))
                pipe.execute()

        if sagas:
            doorbell.ask(write)


slow_starts = SlowStarts()


def _read(sagas: Collection[Saga[Any]]) -> frozenset[Saga[Any]]:
    found = doorbell.ask(lambda client: client.mget([_key(saga) for saga in sagas])) if sagas else None
    return frozenset(saga for saga, one in zip(sagas, found or (), strict=False) if one)


def _key(saga: Saga[Any]) -> str:
    """One for each database that shares the Redis."""
    return f"sagas:slow:{doorbell.database()}:{saga.name}:{saga.version}"
