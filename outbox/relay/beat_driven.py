"""The relays of one worker process, kept running by beat's ticks: each tick moves their end."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from .. import doorbell
from .threads import RelayThreads

LONGEST = 60.0  # seconds of one task: less than the time limits that projects give their tasks


class BeatDrivenRelay:
    """Who relays in this process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._next = threading.Lock()
        self._threads: RelayThreads | None = None
        self._begun = 0.0

    def tick(self, stay: timedelta) -> None:
        """Have relays run for `stay` from now: those that run already, or new ones."""
        until, running = time.monotonic() + stay.total_seconds(), self._threads
        if running is not None:
            if time.monotonic() - self._begun < LONGEST and running.stay_until(until):
                return
            running.stop.set()  # they have run long enough: this task takes over
            doorbell.ring()
        if self._next.acquire(blocking=False):  # one waits for its turn at most: each is a thread that others need
            self._take_over(stay)

    def _take_over(self, stay: timedelta) -> None:
        """Run when those who run have ended, however long that takes."""
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
