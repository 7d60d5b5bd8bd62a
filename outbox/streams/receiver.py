"""Handles messages of another service: once, through the inbox. What fails waits in this project's tables.

A message is settled here, or stored in the tables, before its consumer acknowledges it, because the stream may drop it
then.
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
from ..consuming import dead_letter_signal, failures, inbox
from ..declare.events import registry
from ..errors import CannotRead
from ..messages.envelope import Envelope
from ..sql import received

logger = logging.getLogger(__name__)


class Receiver:
    """Hands messages to the subscribers of their type.

    `name` is stored as the destination through which the messages came. `only`: patterns of the event types to take, as
    for `fnmatch`; other types are ignored.
    """

    def __init__(self, name: str, only: Sequence[str] = ("*",)) -> None:
        self.name = name
        self.only = tuple(only)

    def receive(self, envelope: Envelope) -> None:
        """Try the message now; when an earlier message of its key waits, store it so that it waits too.

        An error of a subscriber is recorded and not raised. An error of the database is raised: then the message is not
        settled and must be received again.
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
        """Store the message for `deliver_due`.

        For messages that were begun before and may have crashed their consumer.
        """
        subscribers = self._subscribers(envelope)
        if subscribers:
            received.open_deliveries(envelope, subscribers)

    def deliver_due(self, limit: int) -> int:
        """Try the stored messages that are due, at most `limit`. Returns how many were tried."""
        due = received.take_due(self.name, limit, settings.redeliver_after())
        for subscriber, envelope in due:
            if subscriber == self.name:
                self._spread(envelope)
            else:
                self._deliver(subscriber, envelope)
        return len(due)

    def make_dead_letter(self, envelope: Envelope, error: Exception, subscriber: str = "") -> None:
        """Write a dead letter, for this subscriber or for none."""
        trail = "".join(traceback.format_exception(error)) if subscriber else ""
        reason = (type(error).__qualname__, str(error), trail)
        with transaction.atomic():
            sql.dead_letter_delivery(envelope, subscriber or self.name, envelope.attempts + 1, reason)
            dead_letter_signal.send(envelope.type, envelope.key, subscriber or self.name, str(error))
        logger.error("A message became a dead letter", extra={"consumer": self.name, "message_id": envelope.id})

    def _subscribers(self, envelope: Envelope) -> tuple[str, ...]:
        """The subscribers of the message's type. None for an ignored type; an unknown type becomes a dead letter."""
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
            if not failures.is_told(error):
                said = {"subscriber": subscriber, "error": str(error)}
                stack = failures.stack_of(error)
                logger.error("A subscriber failed on a received message", exc_info=stack, extra=said)
        if not envelope.again and sql.is_open(envelope.id, subscriber):
            received.open_deliveries(envelope, [])  # the delivery is open: store the message beside it

    def _spread(self, envelope: Envelope) -> None:
        """Store a requeued message that had no subscriber before: its type may be declared now."""
        with transaction.atomic():
            sql.confirm(envelope.id, self.name)
            self.store(envelope)

    def _is_old(self, envelope: Envelope) -> bool:
        """Whether the inbox might take it for a late copy, because it waited in the stream and no delivery is open."""
        return timezone.now() - envelope.written_at > settings.keep_published() - timedelta(hours=1)


def is_outage(error: Exception) -> bool:
    """Whether PostgreSQL itself failed, not the data: then the same may succeed later."""
    return isinstance(error, Error) and not isinstance(error, DataError | IntegrityError)
