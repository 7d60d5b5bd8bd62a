"""Readiness checks: each returns within a second or two whether a process works."""

from __future__ import annotations

import time
from collections.abc import Callable

from config import alive

PATIENCE = 1.0  # seconds


def page(url: str) -> Callable[[], bool]:
    """Whether the address answers with a status below 400."""
    return lambda: alive.page(url, PATIENCE)


def heartbeat(database_url: str, *duties: str) -> Callable[[], bool]:
    """Whether each duty has left a heartbeat since this check was made."""
    begun = time.time()

    def has_beaten() -> bool:
        try:
            return all(alive.duty(database_url, duty, time.time() - begun) for duty in duties)
        except alive.CannotTellError:
            return False

    return has_beaten


def worker(broker_url: str, hostname: str) -> Callable[[], bool]:
    """Whether the worker of that name answers Celery's ping."""

    def answers() -> bool:
        try:
            return alive.worker(broker_url, hostname, PATIENCE)
        except alive.CannotTellError:
            return False

    return answers
