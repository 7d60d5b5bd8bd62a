"""A relay for each destination, side by side: a broker that is slow or away delays its own destination alone."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence

from django.db import connection

from ..heartbeats import heartbeat
from ..publishing import destinations
from ..publishing.destinations import Destination
from .relay import Relay

logger = logging.getLogger(__name__)

BREATH = 1.0  # seconds between a relay's failure, the database's for example, and its next try
LOOK = 0.05  # seconds between two looks of a relay whose time is up


class RelayThreads:
    """The relays of one process, a thread each."""

    def __init__(self, to: Sequence[Destination] | None = None) -> None:
        self.relays = [Relay([one]) for one in (destinations.configured() if to is None else to)]
        self.stop = threading.Event()
        self._until = math.inf
        self._lock = threading.Lock()
        self._working = len(self.relays)

    def stay_until(self, moment: float) -> bool:
        """End at this monotonic time; False when it is too late: they have ended, or end."""
        with self._lock:
            if not self._working or self.stop.is_set():
                return False
            self._until = moment
            for relay in self.relays:
                relay.until = moment
            return True

    def run(self) -> None:
        """Relay until told to stop, or the time is up; a relay that fails says why and begins again."""
        others = [threading.Thread(target=self._in_thread, args=(relay,), name="relay") for relay in self.relays[1:]]
        for thread in others:
            thread.start()
        self._keep_running(self.relays[0])
        for thread in others:
            thread.join()

    def _in_thread(self, relay: Relay) -> None:
        try:
            self._keep_running(relay)
        finally:
            connection.close()  # this thread's own

    def _keep_running(self, relay: Relay) -> None:
        while self._goes_on():
            try:
                relay.run(self.stop)
            except Exception as error:
                logger.exception("A relay failed, and begins again", extra={"owner": relay.owner})
                connection.close()
                heartbeat.failed("outbox.relay", error)
                self.stop.wait(BREATH)

    def _goes_on(self) -> bool:
        """Whether to relay, again. One whose time is up waits for those still at work: the end of all may yet move."""
        with self._lock:
            if time.monotonic() < self._until:
                return not self.stop.is_set()
            self._working -= 1
        while not self.stop.wait(LOOK):
            with self._lock:
                if not self._working:
                    return False
                if time.monotonic() < self._until:
                    self._working += 1
                    return True
        return False
