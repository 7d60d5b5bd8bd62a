"""Runs work beside its caller: in a thread, on a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection


class Beside:
    """One piece of work at a time. The thread and its connection are made for the first one, and kept."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._work: Future[None] | None = None

    def begin(self, work: Callable[[], None]) -> None:
        """Start the work and return. `wait` for the work before must have been called."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-beside")
        self._work = self._thread.submit(_run, work)

    def wait(self) -> None:
        """Wait until the work has ended, and raise what it raised. Returns at once when none was begun."""
        work, self._work = self._work, None
        if work is not None:
            work.result()

    def close(self) -> None:
        """End the thread and close its connection."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.submit(_close).result()
            thread.shutdown()


def _run(work: Callable[[], None]) -> None:
    try:
        work()
    except BaseException:
        connection.close()  # it may be broken; the next work gets a new one
        raise


def _close() -> None:
    connection.close()  # of the thread that calls this
