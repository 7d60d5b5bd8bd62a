"""The worker's consumer: Celery's own, but with its events for Flower sent five times a second, not one by one.

Each publishing costs a worker as much as a step of a saga does; Flower and `celery events` bear a fifth of a second.
"""

from __future__ import annotations

import threading
from typing import Any

from celery.worker.consumer import Consumer as CelerysConsumer

GATHERED = 0.2  # seconds


class Consumer(CelerysConsumer):
    """Set by `worker_consumer`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._gathering = False
        super().__init__(*args, **kwargs)

    def on_send_event_buffered(self) -> Any:
        """Called by whichever thread has put an event into the buffer."""
        if not self._gathering:
            self._gathering = True
            timer = threading.Timer(GATHERED, self._send_gathered)
            timer.daemon = True
            timer.start()

    def _send_gathered(self) -> None:
        self._gathering = False
        super().on_send_event_buffered()
