"""Delivers one message to one subscriber: its database effects happen exactly once, or a dead letter says why not.

The inbox row commits with the handler's writes; a second copy of the message finds the row and does nothing. A copy
that follows an earlier one is counted before it runs, so that a handler that kills its worker uses up its attempts. An
infrastructure failure uses up none; see `failures`.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import connection, transaction
from django.utils import timezone

from .. import settings, sql
from ..declare.events import Message, Subscriber, registry
from ..errors import CannotRead, NotInTransaction, OutboxError, PermanentFailure, RetryAfter
from ..messages import causation, spans, trace
from ..messages.envelope import Envelope
from . import dead_letter_signal, failures, restart, transaction_guard

logger = logging.getLogger(__name__)


class GaveUp(OutboxError):
    """A handler began as often as its Retry allows and never ended: it, or its worker, was killed each time."""


def deliver(subscriber: str, envelope: Envelope, *, redelivered: bool = False) -> None:
    """Run the subscriber's handler on the message, once.

    `redelivered`: the broker says that this copy was handed out before. An error of the handler is recorded (when to
    try again, or a dead letter), logged in one line, and then raised, for Flower; RetryAfter is only recorded.
    Raises RuntimeError inside a transaction, and OutboxError when the connection's AUTOCOMMIT is off.
    """
    transaction_guard.refuse_transactions()
    with delivered_in(envelope, subscriber):
        declared = registry.subscribers.get(subscriber)
        delivery = Delivery(subscriber, declared, envelope, counted=envelope.again or redelivered)
        if delivery.is_stale():
            logger.debug("Dropped a late copy of a message", extra=delivery.log)
            return
        try:
            delivery.run()
        except RetryAfter as pause:
            delivery.postpone(pause)
        except Exception as error:
            delivery.failed(error)
            raise


@contextmanager
def delivered_in(envelope: Envelope, subscriber: str) -> Iterator[None]:
    """The message's trace, with a span for this try, and the message as the cause of what is published."""
    with (
        trace.use(trace.from_headers(envelope.trace_headers)),
        spans.span(f"deliver {subscriber}", "consumer", facts_of(envelope)),
        causation.use(envelope.id),
    ):
        yield


def facts_of(envelope: Envelope) -> spans.Facts:
    """What a span of a try at the message says."""
    return {
        "messaging.message.id": envelope.id,
        "outbox.key": envelope.key,
        "outbox.attempt": envelope.attempts + 1,
    }


def first_time(subscriber: str, *, source: str, source_id: str, at: datetime) -> bool:
    """Record, in the caller's transaction, that a message of another system is handled. False for a copy.

    For messages that arrive by HTTP and are sent again until they are answered. `source` is the sender's name,
    `source_id` its id of the message, `at` when the message was made; all three are the same for every copy. While
    another transaction handles the same message, this waits for its end. A message is remembered for
    OUTBOX_KEEP_PUBLISHED. Raises NotInTransaction outside `transaction.atomic()`.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("Note a message as handled in the transaction that handles it.")
    id_ = str(uuid5(NAMESPACE_URL, f"{source}\n{source_id}"))
    return sql.claim(Envelope(id_, "", 1, "", "", "{}", at.astimezone(UTC).isoformat()), subscriber)


@dataclass(slots=True)
class Delivery:
    """One try of one subscriber at one message."""

    subscriber: str
    declared: Subscriber | None
    envelope: Envelope
    counted: bool

    @property
    def attempt(self) -> int:
        """From 1."""
        return self.envelope.attempts + 1

    @property
    def log(self) -> dict[str, object]:
        """What the log lines about this try carry."""
        return {"subscriber": self.subscriber, "message_id": self.envelope.id, "attempt": self.attempt}

    def is_stale(self) -> bool:
        """Whether PostgreSQL knows a later try than this copy. Counts the try when it must be counted."""
        one = self.envelope
        after, worker = settings.redeliver_after(), restart.this_worker()
        if self.counted and sql.begin_again(one.id, self.subscriber, one.attempts, after, worker):
            return False
        forgotten = self.is_forgotten()
        is_open = (self.counted or forgotten) and sql.is_open(one.id, self.subscriber)
        return (self.counted and is_open) or (forgotten and not is_open)

    def is_forgotten(self) -> bool:
        """Whether the inbox may have dropped this message's row.

        If the message is not handled yet, a delivery is open.
        """
        return timezone.now() - self.envelope.written_at > settings.keep_published()

    def run(self) -> bool:
        """Run `call` outside the transaction; handle and confirm in one transaction.

        A settled message is only confirmed.

        False when another worker has the message.
        """
        result = self._call()
        with transaction.atomic(durable=True):
            claimed = self._claim()
            if claimed:
                self._handle(*result)
                transaction_guard.check_transaction(self.subscriber)
            closed = self._confirm()
        if not closed:
            self._confirm()  # the relay may have opened it meanwhile: its statement began before this commit
        return claimed is not None

    def _claim(self) -> bool | None:
        """Whether to handle the message; None when another worker has it.

        A message whose inbox row may be dropped must have an open delivery, which is locked: another copy may have been
        handled since.
        """
        if self.is_forgotten() and not sql.lock_open(self.envelope.id, self.subscriber):
            return False
        return sql.claim(self.envelope, self.subscriber)

    def _confirm(self) -> bool:
        """Close the delivery. False when there is none."""
        return sql.confirm(self.envelope.id, self.subscriber)

    def _call(self) -> tuple[Any, ...]:
        """The handler's arguments after the message: the result of `call`, or nothing."""
        call = self.declared.call if self.declared else None
        if call is None or sql.is_settled(self.envelope, self.subscriber):
            return ()
        return (call(self._message()),)

    def _handle(self, *result: Any) -> None:
        message, declared = self._message(), self._known()
        if declared.call and not result:
            raise RetryAfter(timedelta(0), "It was settled a moment ago, and has been requeued since.")
        declared.handler([message] if declared.at_once > 1 else message, *result)

    def _known(self) -> Subscriber:
        if self.declared is None:
            raise CannotRead(
                f"No subscriber is named {self.subscriber} here. Deploy the code that declares it, then requeue."
            )
        return self.declared

    def _message(self) -> Message[Any]:
        declared = self._known()
        if self.counted and declared.retry.attempts is not None and self.attempt > declared.retry.attempts:
            raise GaveUp(f"{self.subscriber} was begun {self.attempt - 1} times and never ended.")
        return read(declared, self.envelope, self.attempt)

    def postpone(self, pause: RetryAfter) -> None:
        """Record when to try again, without using up an attempt."""
        one = self.envelope
        failures.write_with_retry(
            lambda: sql.hold_delivery(one, self.subscriber, one.attempts, pause.delay, str(pause))
        )

    def failed(self, error: Exception) -> bool:
        """Record when to try again, or end the message. Returns whether it ended: given up, or settled after all."""
        if self._postpone_if_infrastructure(error):
            return False
        delay = self._delay_after(error)
        if delay is not None:
            text = f"{type(error).__qualname__}: {error}"
            failures.write_with_retry(
                lambda: sql.hold_delivery(self.envelope, self.subscriber, self.attempt, delay, text)
            )
            self._tell(logging.WARNING, "A subscriber failed", error, again_in_s=round(delay.total_seconds(), 2))
            return False
        try:
            recovered = self._recover(error)
        except Exception as another:
            if self._postpone_if_infrastructure(another):
                return False
            logger.exception("A subscriber's `recover` failed", extra=self.log)
            recovered = False
        if recovered:
            self._tell(logging.WARNING, "A subscriber failed, and `recover` settled the matter", error)
        else:
            failures.write_with_retry(lambda: self._make_dead_letter(error))
        return True

    def _tell(self, level: int, what: str, error: Exception, **facts: object) -> None:
        """The one line of this try, with a traceback only for an error that nobody expects."""
        text = f"{type(error).__qualname__}: {error}"
        logger.log(level, what, exc_info=failures.stack_of(error), extra={**self.log, "error": text, **facts})
        failures.told(error)

    def _delay_after(self, error: Exception) -> timedelta | None:
        """How long to wait before the next try; None to give up."""
        if self.declared is None or isinstance(error, PermanentFailure | CannotRead | GaveUp):
            return None
        return self.declared.retry.delay_after(self.attempt, roll=random.random())

    def _recover(self, error: Exception) -> bool:
        """Ask `recover` what became of the call, before the message is given up.

        Returns whether it is handled after all.

        It is asked only once, because asking may kill the worker as the handler did.
        """
        declared = self.declared
        if declared is None or declared.recover is None or isinstance(error, CannotRead):
            return False
        if isinstance(error, GaveUp) and self.attempt > (declared.retry.attempts or 0) + 1:
            return False
        found = declared.recover(read(declared, self.envelope, self.attempt), error)
        if found is None:
            return False
        with transaction.atomic(durable=True):
            if self._claim():
                declared.handler(read(declared, self.envelope, self.attempt), found)
                transaction_guard.check_transaction(self.subscriber)
            self._confirm()
        return True

    def _postpone_if_infrastructure(self, error: Exception) -> bool:
        """Postpone after an infrastructure failure. False for other errors, and after too many in a row."""
        if not failures.is_infrastructure(error):
            return False
        text = failures.describe(error)
        times = failures.write_with_retry(
            lambda: sql.hold_after_infrastructure_failure(self.envelope, self.subscriber, text)
        )
        if times is not None and times > failures.MOST_IN_A_ROW:
            return False
        self._tell(logging.WARNING, "A subscriber met an infrastructure failure", error, times=times)
        return True

    def _make_dead_letter(self, error: Exception) -> None:
        """Run `gave_up`, and write a dead letter unless that settled the matter, in one transaction.

        Nothing when another copy was handled.
        """
        one, trail = self.envelope, "".join(traceback.format_exception(error))
        with transaction.atomic(durable=True):
            if not sql.claim(one, self.subscriber):
                return
            if self._settled_by_gave_up(error):
                sql.confirm(one.id, self.subscriber)
                self._tell(logging.WARNING, "A message was given up, and `gave_up` settled the matter", error)
                return
            sql.unclaim(one, self.subscriber)
            sql.dead_letter_delivery(one, self.subscriber, self.attempt, (type(error).__qualname__, str(error), trail))
            dead_letter_signal.send(one.type, one.key, self.subscriber, str(error))
        self._tell(logging.ERROR, "A message became a dead letter", error)

    def _settled_by_gave_up(self, error: Exception) -> bool:
        """Whether `gave_up` settled the matter. When it fails, it did not: a person decides."""
        declared = self.declared
        if declared is None or declared.gave_up is None or isinstance(error, CannotRead):
            return False
        try:
            with transaction.atomic():
                return declared.gave_up(read(declared, self.envelope, self.attempt), error) is True
        except Exception as failure:
            if failures.is_infrastructure(failure):
                raise
            logger.exception("A subscriber's `gave_up` failed", extra=self.log)
            return False


def read(declared: Subscriber, envelope: Envelope, attempt: int) -> Message[Any]:
    """The message as its subscriber reads it, in the current trace. Raises CannotRead."""
    one = envelope
    body = declared.read(one.type, one.version, one.payload)
    id_, current = UUID(one.id), trace.current()
    return Message(id_, body, one.key, one.type, one.version, one.written_at, current, attempt)
