"""Threads of this process that carry runs beside Celery's own, for steps that take their time.

There are as many as the worker has threads of its own; a worker with another kind of pool has one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.concurrency.thread import TaskPool
from celery.signals import worker_ready
from django.db import connections

from outbox.sql import driver

from .hand import Hand

logger = logging.getLogger(__name__)
LOOK = 0.01  # seconds between two looks for hands that wait behind a call
STALLED = 0.1  # seconds that a call may keep the others of its hand waiting; a busy machine is no reason


class Crew:
    """The threads, and the watch over the hands that they and the worker's own threads carry."""

    def __init__(self) -> None:
        self.size = 1
        self.when_idle: Callable[[], None] = lambda: None
        """Called whenever a thread has nothing to do any more."""
        self._lock = threading.Lock()
        self._busy = 0
        self._threads: ThreadPoolExecutor | None = None
        self._hands: dict[Hand, Callable[[Hand], None]] = {}
        self._watch: threading.Thread | None = None

    @property
    def idle(self) -> int:
        """How many threads have nothing to do."""
        with self._lock:
            return self.size - self._busy

    def take_on(self, hand: Hand, stalled: Callable[[Hand], None], *, one_more: bool = False) -> bool:
        """Have a thread carry the hand; False when none is idle. `stalled` as in `carry`.

        `one_more`: start a thread for it above their number.
        """
        with self._lock:
            if self._busy >= self.size and not one_more:
                return False
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.size, "saga")
            if one_more:
                threading.Thread(target=self._carry_and_close, args=(hand, stalled), name="saga-record").start()
            else:
                self._threads.submit(self._carry_on_thread, hand, stalled)
            self._busy += 1
        return True

    def carry(self, hand: Hand, stalled: Callable[[Hand], None]) -> None:
        """Carry the hand in the calling thread.

        `stalled` is told, by another thread, of a call that does not return; it gets what waits behind it, be it
        nothing.
        """
        with self._lock:
            if self._watch is None:
                watch = threading.Thread(target=self._watch_hands, name="saga-watch", daemon=True)
                watch.start()
                self._watch = watch
            self._hands[hand] = stalled
        try:
            hand.carry()
        finally:
            with self._lock:
                del self._hands[hand]

    def _carry_and_close(self, hand: Hand, stalled: Callable[[Hand], None]) -> None:
        try:
            self._carry_on_thread(hand, stalled)
        finally:
            connections.close_all()

    def _carry_on_thread(self, hand: Hand, stalled: Callable[[Hand], None]) -> None:
        try:
            driver.drop_broken_connections()
            self.carry(hand, stalled)
        except Exception:  # the leases of its runs end, and they go on
            logger.exception("saga.hand_given_up")
            hand.give_up()
        finally:
            with self._lock:
                self._busy -= 1
            self.when_idle()

    def _watch_hands(self) -> None:
        while True:
            time.sleep(LOOK)
            with self._lock:
                if not self._hands:
                    self._watch = None
                    return
                hands = list(self._hands.items())
            for hand, stalled in hands:
                rest = hand.rest(STALLED)
                if rest is None:
                    continue
                try:
                    stalled(rest)
                except Exception:
                    logger.exception("saga.hand_not_dealt")
                finally:
                    connections.close_all()  # this is seldom, and the thread soon ends


crew = Crew()


@worker_ready.connect
def _size_up(sender: Any = None, **_: object) -> None:
    if isinstance(sender.pool, TaskPool):
        crew.size = sender.pool.limit
