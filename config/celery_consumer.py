"""The worker's consumer: Celery's own, but with its events for Flower sent five times a second, and not easily lost.

Each publishing costs a worker as much as a step of a saga does; Flower and `celery events` bear a fifth of a second.
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

# At each lost connection Celery proposes to cancel the tasks in hand, which it cannot do with threads.
warnings.filterwarnings("ignore", "\\s*In Celery 5.1 we introduced", CPendingDeprecationWarning)


class Consumer(CelerysConsumer):
    """Set by `worker_consumer`."""

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

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

    def create_task_handler(self, *args: Any) -> Callable[[Any], None]:
        """What takes each message. One that Celery cannot make sense of is put away, in whatever way it is wrong.

        Celery does so with most; an exception for the rest would end the worker, and the message would come back to the
        next one. What a task of ours was for is on the books in PostgreSQL, and is sent again from there.
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
        """Called when the broker is lost. What fails while the lost connection is put away must not end the worker.

        With a message not yet confirmed kombu's Redis channel asks its connection, gone by then, for its address: an
        AttributeError, which Celery takes for the end (kombu 5.7, `Channel.close`). Such messages come again after the
        visibility timeout.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except Exception:
            log.exception("worker.broken_connection_not_closed")

    def _send_gathered(self) -> None:
        self._gathering = False
        super().on_send_event_buffered()
