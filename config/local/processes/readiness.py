"""Questions that show that a process does its work, each answered within a second or two."""

from __future__ import annotations

import time
from collections.abc import Callable

from config import alive

PATIENCE = 1.0  # seconds


def page(url: str) -> Callable[[], bool]:
    """Whether the address answers, and not with a client's or a server's error."""
    return lambda: alive.page(url, PATIENCE)


def heartbeat(database_url: str, *duties: str) -> Callable[[], bool]:
    """Whether each of these has left a heartbeat since now, when this is made."""
    begun = time.time()

    def has_beaten() -> bool:
        try:
            return all(alive.duty(database_url, duty, time.time() - begun) for duty in duties)
        except alive.CannotTellError:
            return False

    return has_beaten


def worker(broker_url: str, hostname: str) -> Callable[[], bool]:
    """Whether the worker of that name takes orders."""

    def answers() -> bool:
        try:
            return alive.worker(broker_url, hostname, PATIENCE)
        except alive.CannotTellError:
            return False

    return answers
