"""Carries committed messages to the broker: fetch, publish, mark. No transaction is open while it talks to the broker.

A relay that dies between publish and mark repeats the batch: at least once. The inbox makes that once.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from . import doorbell, settings, sql
from .retry import Retry
from .transports import Outgoing, Sent, Transport

logger = logging.getLogger(__name__)

LEASE = "relay"
PUBLISH = Retry(attempts=8)  # for a message that fails by itself; a broker's outage spends nothing of it
LOOK_AGAIN = timedelta(seconds=2.5 * doorbell.STANDS)
MANY = 5  # messages in a batch: from there on much is being written, and fewer, larger batches cost less
GATHERED = 0.02  # seconds for which messages are gathered then
PATIENCE = 0.01  # seconds between two looks at a lease that another holds


class Relay:
    """One relay. Any number may run, on any machine: a lease row lets one drain at a time."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def tick(self, stay: timedelta) -> int:
        """Drain, then listen to the doorbell for `stay` and drain at each ring; returns how many messages went out."""
        until = time.monotonic() + stay.total_seconds()
        sent = last = self.drain(until)
        owed = False  # a ring stands for what is written a moment later, too: after it another look is owed
        while (left := until - time.monotonic()) > 0 or owed:
            heard = doorbell.listen(LOOK_AGAIN if owed else timedelta(seconds=left))
            if not (heard or owed):
                break
            if last >= MANY:
                time.sleep(GATHERED)
            last = self.drain(until)
            sent += last
            owed = heard and left > 0
        return sent

    def drain(self, until: float = 0.0) -> int:
        """Publish all that is due; returns how many messages went out.

        Waits for another relay's drain to end until the monotonic time `until`: what it fetched may be older than the
        ring that woke us.
        """
        messages, deliveries = sql.anything_due()
        if not (messages or deliveries):
            return 0
        with self._leased(until) as lease:
            sent = self._drain_messages(lease) if lease.held and messages else 0
            if lease.held and deliveries:
                self._drain_deliveries(lease)
        return sent

    @contextmanager
    def _leased(self, until: float) -> Iterator[_Lease]:
        lease = _Lease(self.owner)
        while not lease.take() and time.monotonic() < until:
            time.sleep(PATIENCE)
        try:
            yield lease
        finally:
            lease.release()

    def _drain_messages(self, lease: _Lease) -> int:
        total = 0
        while lease.keep():
            fetched = sql.fetch(settings.batch())
            sent = self._publish_messages(fetched)
            total += len(sent.rows)
            if sent.outage or len(fetched) < settings.batch():
                break
        return total

    def _publish_messages(self, due: list[sql.Due]) -> Sent:
        """Publish and mark one batch."""
        outgoing, unreadable = self._address(due)
        sent = self.transport.publish(outgoing) if outgoing else Sent()
        if sent.rows:
            recipients = {(one.envelope.type, subscriber) for one in outgoing for subscriber in one.to}
            sql.mark(sent.rows, recipients, settings.redeliver_after())
        _log_outage(sent)
        _hold_or_bury({**unreadable, **sent.failed})
        return sent

    def _address(self, due: list[sql.Due]) -> tuple[list[Outgoing], dict[int, Exception]]:
        outgoing, unreadable = [], {}
        for one in due:
            try:
                outgoing.append(Outgoing(one.row, one.envelope, self.transport.recipients(one.envelope)))
            except Exception as error:  # this message's own failure; the others go out
                unreadable[one.row] = error
        return outgoing, unreadable

    def _drain_deliveries(self, lease: _Lease) -> None:
        """Publish again what subscribers have not confirmed in time: the broker may have forgotten it."""
        while lease.keep():
            due = sql.take_overdue(settings.batch(), settings.redeliver_after())
            sent = self.transport.publish([Outgoing(one.row, one.envelope, (one.subscriber,)) for one in due])
            for error in sent.failed.values():
                logger.error("A delivery cannot be published again", exc_info=error)
            _log_outage(sent)
            if sent.outage:
                unsent = {one.row for one in due} - set(sent.rows) - set(sent.failed)
                sql.give_back_overdue(sorted(unsent))
            if sent.outage or len(due) < settings.batch():
                return


class _Lease:
    """The right to drain, renewed when a third of it is used up."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.length = settings.lease()
        self.taken_at = 0.0
        self.epoch: int | None = None

    @property
    def held(self) -> bool:
        return self.epoch is not None

    def take(self) -> bool:
        self.taken_at = time.monotonic()
        self.epoch = sql.take_lease(LEASE, self.owner, self.length)
        return self.held

    def keep(self) -> bool:
        """Whether to go on; False when another has taken over."""
        if time.monotonic() - self.taken_at > self.length.total_seconds() / 3:
            return self.take()
        return self.held

    def release(self) -> None:
        if self.epoch is not None:
            sql.release_lease(LEASE, self.owner, self.epoch)


def _log_outage(sent: Sent) -> None:
    if sent.outage is not None:
        logger.warning("The broker cannot be reached; the next tick tries again", extra={"error": str(sent.outage)})


def _hold_or_bury(failed: Mapping[int, Exception]) -> None:
    """Back each failed message off by itself, or give it up."""
    for row, error in failed.items():
        attempts = sql.count_failure(row)
        delay = PUBLISH.delay_after(attempts, roll=secrets.randbelow(1000) / 1000)
        logger.error("A message cannot be published", exc_info=error, extra={"row": row, "attempts": attempts})
        if delay is None:
            trail = "".join(traceback.format_exception(error))
            sql.bury_message(row, type(error).__qualname__, str(error), trail)
        else:
            sql.hold_message(row, delay, f"{type(error).__qualname__}: {error}")
