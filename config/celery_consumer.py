"""The worker's consumer: Celery's own, except that it sends its events for Flower in batches, five times a second, and
survives unreadable messages and a lost broker.

Each publish costs a worker as much as a saga step. Flower and `celery events` tolerate a delay of a fifth of a second.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from typing import Any

from celery.exceptions import CPendingDeprecationWarning
from celery.worker.consumer import Consumer as CelerysConsumer

log = logging.getLogger(__name__)

GATHERED = 0.2  # seconds
SHOWN = 1000  # characters of a message's header fields

# At each lost connection Celery suggests cancelling the running tasks, which it cannot do with threads.
warnings.filterwarnings("ignore", "\\s*In Celery 5.1 we introduced", CPendingDeprecationWarning)


class Consumer(CelerysConsumer):
    """Celery uses it through the setting `worker_consumer`."""

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._gathering = False
        super().__init__(*args, **kwargs)

    def on_send_event_buffered(self) -> Any:
        """Called by the thread that has put an event into the buffer."""
        if not self._gathering:
            self._gathering = True
            timer = threading.Timer(GATHERED, self._send_gathered)
            timer.daemon = True
            timer.start()

    def create_task_handler(self, *args: Any) -> Callable[[Any], None]:
        """Return the handler of each message. It rejects every message that Celery cannot read, and logs it.

        Celery rejects most of them itself. The rest raise an exception that would end the worker, and the broker would
        deliver the message to the next worker. Nothing is lost: PostgreSQL holds the work, and the task is sent again.
        """
        take = super().create_task_handler(*args)

        def guarded(message: Any) -> None:
            try:
                take(message)
            except (*self.connection_errors, *self.channel_errors):
                raise
            except Exception:
                log.exception("worker.message_put_away", extra={"message_headers": repr(message.headers)[:SHOWN]})
                if not message.acknowledged:
                    message.reject_log_error(log, self.connection_errors)

        return guarded

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Called when the connection to the broker is lost. An error while it is closed must not end the worker.

        When a message is unacknowledged, kombu's Redis channel asks its closed connection for its address and raises
        AttributeError, which ends the worker (kombu 5.7, `Channel.close`). The broker delivers such messages again
        after the visibility timeout.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except Exception:
            log.exception("worker.broken_connection_not_closed")

    def _send_gathered(self) -> None:
        self._gathering = False
        super().on_send_event_buffered()
