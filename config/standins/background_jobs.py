"""Runs the companies' background jobs: one thread for each company, so that none waits for another.

A company with jobs has a module `background_jobs` with a function `once()`. It is called each second and does one
bounded piece of work.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import FrameType

from django.db import connections

from outbox.heartbeats import heartbeat

from .companies import COMPANIES

logger = logging.getLogger(__name__)
EVERY = 1.0  # seconds
STOPPING = 10.0  # seconds that a running job may take to end


def run() -> None:
    """Work until SIGTERM or Ctrl-C."""
    stopping = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopping.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    threads = [threading.Thread(target=keep_up, args=(name, stopping), daemon=True) for name in busy()]
    for thread in threads:
        thread.start()
    stopping.wait()
    for thread in threads:
        thread.join(STOPPING)


def busy() -> list[str]:
    """The companies with background jobs."""
    return [name for name in COMPANIES if find_spec(f"{__package__}.{name}.background_jobs")]


def keep_up(name: str, stopping: threading.Event) -> None:
    """Run one company's job every second until `stopping` is set. Logs an error, and tries again the next time.

    Each run leaves a heartbeat, `upkeep <company>`, in the database of the company that has an outbox.
    """
    once: Callable[[], None] = import_module(f"{__package__}.{name}.background_jobs").once
    while not stopping.is_set():
        try:
            once()
            heartbeat.finished(f"upkeep {name}")
        except Exception as error:
            logger.exception("standin.upkeep_failed", extra={"company": name})
            connections.close_all()
            heartbeat.failed(f"upkeep {name}", error)
        stopping.wait(EVERY)
    connections.close_all()
