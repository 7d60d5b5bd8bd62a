"""Sees runs finish, in the same cheap way for all: few at a time, in the order of their submission, by primary key."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import psycopg2
from redis import Redis

from tests.bench.waiting import until

from .rivals.counter import FINISHED

AT_ONCE = 50  # runs asked about in one statement
COMPLAINT = "Not all runs finished"


class Watch(Protocol):
    """Waits for runs."""

    def wait(self, ids: Sequence[str], pause: float, alive: Callable[[], None]) -> float:
        """The monotonic time when all runs were seen finished, asking every `pause` seconds. Raises BenchError."""
        ...

    def close(self) -> None: ...


class SqlWatch:
    """Asks PostgreSQL."""

    def __init__(self, url: str, statement: str) -> None:
        self.connection = psycopg2.connect(url, application_name="bench-watch")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.statement = f"/* bench-watch */ {statement}"

    def wait(self, ids: Sequence[str], pause: float, alive: Callable[[], None]) -> float:
        for start in range(0, len(ids), AT_ONCE):
            some = list(ids[start : start + AT_ONCE])
            until(lambda some=some: self._count(some), len(some), pause, alive, COMPLAINT, start)  # type: ignore[misc]
        return time.monotonic()

    def _count(self, ids: list[str]) -> int:
        self.cursor.execute(self.statement, [ids])
        row = self.cursor.fetchone()
        return int(row[0]) if row else 0

    @property
    def backend(self) -> int:
        """The process that answers, on the server's machine."""
        return int(self.connection.info.backend_pid)

    def close(self) -> None:
        self.connection.close()


class RedisWatch:
    """Asks Redis for the counter that the last link of a bare chain moves."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(url)
        self.seen = self._count()

    def wait(self, ids: Sequence[str], pause: float, alive: Callable[[], None]) -> float:
        until(lambda: self._count() - self.seen, len(ids), pause, alive, COMPLAINT)
        self.seen += len(ids)
        return time.monotonic()

    def _count(self) -> int:
        return int(self.redis.get(FINISHED) or 0)

    def close(self) -> None:
        self.redis.close()
