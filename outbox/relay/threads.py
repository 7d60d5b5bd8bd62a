"""One relay thread for each destination: a broker that is slow or away delays only its own destination."""

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

PAUSE_AFTER_FAILURE = 1.0  # seconds between a relay's failure (a lost database session, for example) and its next try
LOOK = 0.05  # seconds between two checks of a relay whose time is up


class RelayThreads:
    """The relays of one process, one thread each."""

    def __init__(self, to: Sequence[Destination] | None = None) -> None:
        self.relays = [Relay([one]) for one in (destinations.configured() if to is None else to)]
        self.stop = threading.Event()
        self._until = math.inf
        self._lock = threading.Lock()
        self._working = len(self.relays)

    def stay_until(self, moment: float) -> bool:
        """Set the monotonic time at which they end. False when it is too late: they have ended or are ending."""
        with self._lock:
            if not self._working or self.stop.is_set():
                return False
            self._until = moment
            for relay in self.relays:
                relay.until = moment
            return True

    def run(self) -> None:
        """Relay until `stop` is set or the time is up. A relay that fails logs the error and starts again."""
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
            connection.close()  # the connection of this thread

    def _keep_running(self, relay: Relay) -> None:
        while self._goes_on():
            try:
                relay.run(self.stop)
            except Exception as error:
                logger.exception("A relay failed and starts again", extra={"owner": relay.owner})
                connection.close()
                heartbeat.failed("outbox.relay", error)
                self.stop.wait(PAUSE_AFTER_FAILURE)

    def _goes_on(self) -> bool:
        """Whether to relay again.

        A thread whose time is up waits for the others, because the end may still be extended.
        """
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
