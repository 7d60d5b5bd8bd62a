"""Publishes one destination's messages: fetch, publish, mark. No transaction is open while it talks to the broker.

In a backlog a batch is marked while the next one is fetched and published. Publishing stays one batch after the other.

A relay that dies between publish and mark repeats the batch, in a backlog two: delivery is at least once. The inbox
ignores copies.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from itertools import count

from django.db import connection, transaction

from .. import settings, sql
from ..consuming import dead_letter_signal, watermarks
from ..declare.events import registry
from ..publishing.destinations import SHARDS, Destination
from ..retry import Retry
from ..sql import Due
from ..transports import Outgoing, QueueingTransport, Sent, StoppedKeys, WakingTransport
from . import lookback, relayed
from .beside import Beside

logger = logging.getLogger(__name__)

PUBLISH = Retry(attempts=8)  # for a message that fails by itself; a broker outage uses up no attempt
ALL_AGAIN = 8  # batches after which all shards are fetched from again, so that a busy one starves no other
BACKLOG = 2  # batches of a drain; after so many, the next ones are marked on a second connection
OUTAGE = Retry.until_done(first=timedelta(milliseconds=500), longest=timedelta(seconds=10))


@dataclass(frozen=True)
class _Batch:
    """What was fetched, what of it was given to the transport, and the result."""

    due: list[Due]
    outgoing: list[Outgoing]
    sent: Sent

    @cached_property
    def marked(self) -> list[Due]:
        """Those that went out."""
        by_row = {one.row: one for one in self.due}
        return [by_row[row] for row in self.sent.rows]


class DestinationRelay:
    """What one relay does for one destination, in the shards that it owns."""

    def __init__(self, destination: Destination, owner: str) -> None:
        self.destination = destination
        self.owner = owner
        self.held = SHARDS
        """How many shards the relay owned when it last looked."""
        self.shared_by = 0
        """How many relays shared the destination then."""
        self._outages = 0
        self._closed_until = 0.0
        self._beside = Beside()
        self._under_way: _Batch | None = None
        """The batch that is published, and whose mark runs beside."""

    @property
    def is_closed(self) -> bool:
        """Whether the relay pauses because the broker could not be reached."""
        return time.monotonic() < self._closed_until

    def drain(self, goes_on: Callable[[], bool]) -> int:
        """Publish all that is due while `goes_on()` is true, which is asked before each batch.

        Returns how many went out.
        """
        try:
            return self._drain(goes_on)
        finally:
            self.finish()

    def _drain(self, goes_on: Callable[[], bool]) -> int:
        total, limit = 0, settings.batch()
        some: list[int] | None = None  # the shards that may hold more; None for all
        for turn in count(1):
            if self.is_closed or not goes_on():
                break
            each = math.ceil(limit / (len(some) if some else max(self.held, 1)))
            due = sql.fetch(
                self.destination.name,
                self.owner,
                limit,
                each,
                some,
                lookback.first_ids(self.destination.name),
                self._under_way.sent.rows if self._under_way else (),
            )
            batch = self._publish(due)
            sent = batch.sent
            total += len(sent.rows)
            passed_over = len(due) > len(sent.rows) + len(sent.failed)  # behind one that failed
            some = None if passed_over or turn % ALL_AGAIN == 0 else _with_more(due, each, limit, some)
            goes_out = bool(sent.rows or sent.failed)
            self._record(batch, beside=turn > BACKLOG and some != [] and goes_out)
            if some == [] or not goes_out:
                break
        return total

    def finish(self) -> None:
        """Wait until no mark is under way, and wake the subscribers of that batch.

        Also called before leases change hands: another relay would send the batch again.
        """
        batch, self._under_way = self._under_way, None
        if batch is not None:
            self._beside.wait()
            self._after_mark(batch)

    def close(self) -> None:
        """Close the second connection, if there is one."""
        self._beside.close()

    def redeliver(self) -> None:
        """Publish again what subscribers have not confirmed in time, because the broker may have lost it."""
        limit, name = settings.batch(), self.destination.name
        while not self.is_closed:
            due = sql.take_overdue(name, limit, settings.redeliver_after(), self._routes(), lookback.deliveries.since())
            if not due:
                return
            waiting = {one.subscriber for one in due if one.waits}
            lost = [one for one in due if not one.waits]
            outgoing = [Outgoing(one.row, one.envelope, (one.subscriber,)) for one in lost]
            sent = relayed.publish(self.destination, outgoing)
            for error in sent.failed.values():
                logger.error("A delivery cannot be published again", exc_info=error)
            not_woken = self._wake(outgoing, sent, again=True)
            if outage := sent.outage or not_woken:
                gone = set() if not_woken else set(sent.rows)
                sql.give_back_overdue(sorted({one.row for one in lost} - gone - set(sent.failed)))
            self._note(outage or self._ask(waiting))
            if len(due) < limit:
                return

    def _publish(self, due: list[Due]) -> _Batch:
        outgoing, unreadable = self._address(due)
        sent = relayed.publish(self.destination, outgoing)
        sent.failed.update(unreadable)
        return _Batch(due, outgoing, sent)

    def _record(self, batch: _Batch, *, beside: bool) -> None:
        """Mark what was sent, `beside` the next batch where that is possible, and record what failed.

        A failure is recorded before the next fetch, which must see that the key is held.
        """
        self.finish()
        if beside and batch.sent.rows and batch.sent.outage is None and not connection.in_atomic_block:
            self._under_way = batch
            self._beside.begin(partial(self._mark, batch))
        else:
            self._mark(batch)
            self._after_mark(batch)
        by_row = {one.row: one for one in batch.due}
        for row, error in batch.sent.failed.items():
            self._failed(by_row[row], error)

    def _after_mark(self, batch: _Batch) -> None:
        """Wake the subscribers that pull, and note whether the broker could be reached."""
        not_woken = self._wake(batch.outgoing, batch.sent) if batch.sent.rows else None
        if not_woken:
            sql.make_untried_due_now([one.envelope.id for one in batch.marked])
        if batch.outgoing:
            self._note(batch.sent.outage or not_woken)

    def _address(self, due: list[Due]) -> tuple[list[Outgoing], dict[int, Exception]]:
        """Find each message's subscribers. A message without an answer fails; later ones of its key wait for it."""
        outgoing: list[Outgoing] = []
        unreadable: dict[int, Exception] = {}
        keys = StoppedKeys()
        for one in due:
            if keys.stopped(one.envelope):
                continue
            try:
                to = self.destination.transport.recipients(one.envelope)
            except Exception as error:  # only this message fails; the others go out
                unreadable[one.row] = error
                keys.stop(one.envelope)
            else:
                outgoing.append(Outgoing(one.row, one.envelope, to))
        return outgoing, unreadable

    def _wake(self, outgoing: list[Outgoing], sent: Sent, *, again: bool = False) -> Exception | None:
        """Wake the subscribers that pull, for the messages in `sent`. Returns the error when the broker is away."""
        transport, rows = self.destination.transport, set(sent.rows)
        if not isinstance(transport, WakingTransport):
            return None
        return transport.wake([one for one in outgoing if one.row in rows], again=again)

    def _routes(self) -> list[sql.Route]:
        """The queue of each subscriber, and how far workers have read it; empty for a broker without queues."""
        transport = self.destination.transport
        if not isinstance(transport, QueueingTransport):
            return []
        queues = {name: transport.queue_of(name) for name in registry.subscribers}
        passed = watermarks.passed(queues.values())
        return [sql.Route(name, passed.get(queue), registry.pulls(name, "any")) for name, queue in queues.items()]

    def _ask(self, waiting: Iterable[str]) -> Exception | None:
        """Send watermarks into the queues of these subscribers. Returns the error when the broker is away."""
        transport = self.destination.transport
        if not isinstance(transport, QueueingTransport):
            return None
        return watermarks.send_due(transport.queue_of(name) for name in waiting)

    def _note(self, outage: Exception | None) -> None:
        """Pause after an outage, longer with each outage in a row; end the pause when there was none."""
        if outage is None:
            if self._outages:
                sql.note_outage(self.owner, "")
            self._outages = 0
            return
        self._outages += 1
        sql.note_outage(self.owner, f"{type(outage).__qualname__}: {outage}")
        pause = OUTAGE.delay_after(self._outages, roll=secrets.randbelow(1000) / 1000) or OUTAGE.longest
        self._closed_until = time.monotonic() + pause.total_seconds()
        logger.warning(
            "The broker cannot be reached; no message is lost, and the relay tries again",
            extra={
                "destination": self.destination.name,
                "error": str(outage),
                "again_in_s": pause.total_seconds(),
            },
        )

    def _mark(self, batch: _Batch) -> None:
        name, sent = self.destination.name, batch.marked
        if not sent:
            return
        pairs = list({(one.envelope.type, subscriber) for one in batch.outgoing for subscriber in one.to})
        soon = [subscriber for _, subscriber in pairs if registry.pulls(subscriber, "any")]
        sql.mark(name, sent, pairs, settings.redeliver_after(), keep=self.destination.keep, soon=soon)
        handed = {
            one.envelope.id
            for one in sent
            for type_, subscriber in pairs
            if type_ == one.envelope.type and not registry.pulls(subscriber, one.envelope.key)
        }
        if handed:  # a subscriber may have handled its message while the mark was written
            sql.close_settled(sorted(handed))
        freed = {one.envelope.key for one in sent if one.envelope.attempts and one.envelope.key}
        if freed:
            sql.release_keys(name, sorted(freed))

    def _failed(self, due: Due, error: Exception) -> None:
        """Set when to try the message, or its key, again; or give it up."""
        name = self.destination.name
        attempts = sql.count_failure(self.owner, name, due)
        if not attempts:  # another relay owns the shard and will try the message itself
            return
        delay = PUBLISH.delay_after(attempts, roll=secrets.randbelow(1000) / 1000)
        text = f"{type(error).__qualname__}: {error}"
        logger.error(
            "A message cannot be published",
            exc_info=error,
            extra={"destination": name, "message_id": due.envelope.id, "attempts": attempts},
        )
        if delay is None:
            self._give_up(due, attempts, error, text)
        elif self._is_ordered(due):
            sql.hold_key(name, due, delay, attempts, text)
        else:
            sql.hold_message(name, due, delay, text)

    def _give_up(self, due: Due, attempts: int, error: Exception, text: str) -> None:
        """Make a dead letter. The key continues; where order is `strict` it waits for a person."""
        name, one = self.destination.name, due.envelope
        trail = "".join(traceback.format_exception(error))
        with transaction.atomic():
            if self._is_ordered(due) and self.destination.order == "strict":
                sql.hold_key(name, due, None, attempts, text)
            sql.dead_letter_message(name, due, (type(error).__qualname__, str(error), trail))
            if self.destination.order == "key" and one.key:
                sql.release_keys(name, [one.key])
            dead_letter_signal.send(one.type, one.key, "", str(error))

    def _is_ordered(self, due: Due) -> bool:
        return bool(due.envelope.key) and self.destination.order != "none"


def _with_more(due: list[Due], each: int, limit: int, asked: list[int] | None) -> list[int] | None:
    """The shards to fetch from next: those that gave as many as they were asked for; empty when none did.

    A busy key's shard is then emptied in full batches.
    """
    if len(due) == limit:
        return asked
    found = Counter(one.shard for one in due)
    return [shard for shard, number in found.items() if number == each]
