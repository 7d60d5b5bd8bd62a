"""Runs this process's relay threads. Each beat tick extends how long they run; no task lasts more than 60 s."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from .. import doorbell
from .threads import RelayThreads

LONGEST = 60.0  # seconds of one task; projects set longer time limits for their tasks


class BeatDrivenRelay:
    """The relay threads of one process, started by the first tick and kept running by the next ones."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._next = threading.Lock()
        self._threads: RelayThreads | None = None
        self._begun = 0.0

    def tick(self, stay: timedelta) -> None:
        """Let relays run for `stay` from now: extend the running threads, or start new ones and wait until they end."""
        until, running = time.monotonic() + stay.total_seconds(), self._threads
        if running is not None:
            if time.monotonic() - self._begun < LONGEST and running.stay_until(until):
                return
            running.stop.set()  # they have run for LONGEST: this task takes over
            doorbell.ring()
        if self._next.acquire(blocking=False):  # at most one task waits: each waiting task blocks a worker thread
            self._take_over(stay)

    def _take_over(self, stay: timedelta) -> None:
        """Start once the running threads have ended; waits for them without a limit."""
        try:
            self._turn.acquire()
        finally:
            self._next.release()
        try:
            self._run(time.monotonic() + stay.total_seconds())
        finally:
            self._turn.release()

    def _run(self, until: float) -> None:
        threads = RelayThreads()
        threads.stay_until(until)
        self._threads, self._begun = threads, time.monotonic()
        try:
            threads.run()
        finally:
            self._threads = None


beat_driven_relay = BeatDrivenRelay()
