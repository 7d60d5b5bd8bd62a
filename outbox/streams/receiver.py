"""What becomes of a message of another service: the inbox handles it once; what fails waits on this project's books.

A message is settled here, or stands on the books, before its consumer acknowledges it: the stream may forget it then.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from django.db import DataError, Error, IntegrityError, transaction
from django.utils import timezone

from .. import settings, sql
from ..consuming import dead_letter_signal, inbox
from ..declare.events import registry
from ..errors import CannotRead
from ..messages.envelope import Envelope
from ..sql import received

logger = logging.getLogger(__name__)


class Receiver:
    """Hands messages to the subscribers of their type.

    `name` stands on the books as the destination through which they came; `only`: patterns of the event types to take,
    as of `fnmatch`, the others are passed over.
    """

    def __init__(self, name: str, only: Sequence[str] = ("*",)) -> None:
        self.name = name
        self.only = tuple(only)

    def receive(self, envelope: Envelope) -> None:
        """Try the message now; behind an earlier one of its key that waits, it waits too.

        A subscriber's error is recorded, and raised by nobody. Raises what the database raises: then the message is not
        settled, and must be received again.
        """
        if self._is_old(envelope):
            self.store(envelope)
            return
        for subscriber in self._subscribers(envelope):
            if received.is_behind(envelope, subscriber):
                received.open_deliveries(envelope, [subscriber])
            else:
                self._deliver(subscriber, envelope)

    def store(self, envelope: Envelope) -> None:
        """For `deliver_due` to try: what was begun before, by somebody who may have died of it."""
        subscribers = self._subscribers(envelope)
        if subscribers:
            received.open_deliveries(envelope, subscribers)

    def deliver_due(self, limit: int) -> int:
        """Try what is due on the books, at most so many; returns how many were tried."""
        due = received.take_due(self.name, limit, settings.redeliver_after())
        for subscriber, envelope in due:
            if subscriber == self.name:
                self._spread(envelope)
            else:
                self._deliver(subscriber, envelope)
        return len(due)

    def make_dead_letter(self, envelope: Envelope, error: Exception, subscriber: str = "") -> None:
        """A dead letter, of this subscriber or of nobody in particular."""
        trail = "".join(traceback.format_exception(error)) if subscriber else ""
        reason = (type(error).__qualname__, str(error), trail)
        with transaction.atomic():
            sql.dead_letter_delivery(envelope, subscriber or self.name, envelope.attempts + 1, reason)
            dead_letter_signal.send(envelope.type, envelope.key, subscriber or self.name, str(error))
        logger.error("A message became a dead letter", extra={"consumer": self.name, "message_id": envelope.id})

    def _subscribers(self, envelope: Envelope) -> tuple[str, ...]:
        """None for a type that is passed over, and for an unknown one, which is buried."""
        type_ = envelope.type
        if type_ and not any(fnmatchcase(type_, pattern) for pattern in self.only):
            return ()
        if not registry.knows(type_):
            known = "Deploy the code that declares it, then requeue; or leave it out by --only."
            text = f"{type_} is not declared here. {known}" if type_ else "This entry is no CloudEvent."
            self.make_dead_letter(envelope, CannotRead(text))
            return ()
        return registry.subscribers_of(type_)

    def _deliver(self, subscriber: str, envelope: Envelope) -> None:
        try:
            inbox.deliver(subscriber, envelope)
        except Exception as error:
            if not (sql.is_open(envelope.id, subscriber) or sql.is_settled(envelope, subscriber)):
                if is_outage(error):
                    raise
                self.make_dead_letter(envelope, error, subscriber)
            logger.error("A subscriber failed on a received message", exc_info=error, extra={"subscriber": subscriber})
        if not envelope.again and sql.is_open(envelope.id, subscriber):
            received.open_deliveries(envelope, [])  # the delivery is: now the message is kept beside it

    def _spread(self, envelope: Envelope) -> None:
        """A requeued message that was nobody's: now its type may be declared."""
        with transaction.atomic():
            sql.confirm(envelope.id, self.name)
            self.store(envelope)

    def _is_old(self, envelope: Envelope) -> bool:
        """Whether the inbox would take it for a late copy: it was waiting in the stream, and is open on no books."""
        return timezone.now() - envelope.written_at > settings.keep_published() - timedelta(hours=1)


def is_outage(error: Exception) -> bool:
    """Whether it is PostgreSQL that failed, not what was written to it: then the same may succeed later."""
    return isinstance(error, Error) and not isinstance(error, DataError | IntegrityError)
