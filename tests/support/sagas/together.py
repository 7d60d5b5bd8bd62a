"""Acts in threads, each on a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def together(act: Callable[[], T], times: int) -> list[T]:
    """The results of `times` copies of the act."""
    barrier = threading.Barrier(times)

    def run(_: int) -> T:
        try:
            barrier.wait(10)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def elsewhere(act: Callable[[], T], *, seconds: float = 20) -> T:
    """What the act returns, or raises, on another connection, within so many seconds."""

    def run() -> T:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(seconds)
