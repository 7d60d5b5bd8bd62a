"""A relay: owns its share of the shards and publishes their messages at each ring of the doorbell."""

from __future__ import annotations

import logging
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from .. import doorbell, settings, sql
from ..doorbell import Listener
from ..heartbeats import heartbeat, missed
from ..operations import bulk_requeue
from ..publishing import destinations
from ..publishing.destinations import SHARDS, Destination
from .destination_relay import DestinationRelay

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 1.0  # seconds between two fetches at most, with or without a ring
LOOK_AGAIN = timedelta(seconds=2.5 * doorbell.QUIET_AFTER_RING)
FREE_FOR_ALL_AFTER = timedelta(seconds=2)  # any relay may take a shard that was free for so long, above its share too
MANY = 5  # messages in a batch: then many are being written, and fewer, larger batches cost less
GATHER_FOR = 0.02  # seconds to wait then, so that messages gather
BRIEFLY = 0.004  # seconds to wait for others when the last message went out less long ago


class Relay:
    """One relay, for the given destinations or for all that are configured.

    Any number of relays may run, on any machine. Each owns its share of every destination's shards, by leases in
    PostgreSQL; there is no leader. The shards of a relay that died are free when its leases end.
    """

    def __init__(self, to: Sequence[Destination] | None = None) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.destination_relays = [
            DestinationRelay(one, self.owner) for one in (destinations.configured() if to is None else to)
        ]
        self.until = math.inf
        """The monotonic time at which `run` ends; may change while it runs."""
        self._stop = threading.Event()
        self._settled_at = self._renewed_at = self._redelivered_at = self._asked_at = self._sent_at = -math.inf

    def drain(self) -> int:
        """Take a share of the shards, publish all that is due in them, release them.

        Returns how many messages went out.
        """
        self._stop = threading.Event()
        with self._on_duty():
            return self._drain()

    def tick(self, stay: timedelta) -> int:
        """Run for `stay`: drain at once and at each ring. Returns how many messages went out."""
        self.until = time.monotonic() + stay.total_seconds()
        return self.run(threading.Event())

    def run(self, stop: threading.Event) -> int:
        """Drain at each ring, and once a second, until `stop` is set or the time is up.

        Returns how many messages went out.

        The current batch is finished and marked, and the shards are released.
        """
        self._stop = stop
        with Listener() as bell, self._on_duty():
            sent = last = self._drain()
            owed = False  # after a ring writers do not ring for some ms, so one more fetch must follow
            while not stop.is_set() and ((left := self.until - time.monotonic()) > 0 or owed):
                patience = LOOK_AGAIN if owed else timedelta(seconds=min(left, LONGEST_PAUSE))
                heard = bell.listen(patience)
                if heard or owed:
                    bell.gather(self._pause(last))
                last = self._drain()
                sent += last
                owed = heard
        return sent

    def _pause(self, last: int) -> float:
        """Seconds in which messages gather, when the batch before had so many."""
        if last >= MANY:
            return GATHER_FOR
        return BRIEFLY if time.monotonic() - self._sent_at < BRIEFLY else 0.0

    @contextmanager
    def _on_duty(self) -> Iterator[None]:
        for each in self.destination_relays:
            sql.make_shards(each.destination.name, SHARDS)
        self._settled_at = self._renewed_at = self._redelivered_at = -math.inf
        try:
            yield
        finally:
            for each in self.destination_relays:
                each.close()
            sql.deregister_relay(self.owner, forget_after=4 * settings.lease())
            doorbell.ring()

    def _drain(self) -> int:
        self._look_up()
        sent = sum(each.drain(self._goes_on) for each in self.destination_relays)
        if sent:
            self._sent_at = time.monotonic()
        heartbeat.finished("outbox.relay", messages_published=sent)
        self._redeliver()
        return sent

    def _goes_on(self) -> bool:
        """Asked before each batch, because a backlog may be long: does the periodic work. False when `stop` is set."""
        self._look_up()
        self._redeliver()
        heartbeat.finished("outbox.relay")  # for the batch before
        return not self._stop.is_set()

    def _look_up(self) -> None:
        """Renew the leases in time, and share the shards with relays that have joined.

        Either may release a shard. What was sent of it must be marked by then, or its next owner sends it again.
        """
        now = time.monotonic()
        renews = now - self._renewed_at > settings.lease().total_seconds() / 3
        settles = now - self._settled_at >= LONGEST_PAUSE
        if renews or settles:
            for each in self.destination_relays:
                each.finish()
        if renews:
            self._renew()
        if settles:
            self._settle()

    def _redeliver(self) -> None:
        now = time.monotonic()
        if now - self._redelivered_at < LONGEST_PAUSE:
            return
        self._redelivered_at = now
        for each in self.destination_relays:
            each.redeliver()
        heartbeat.finished("outbox.redeliver", dead_letters_requeued=bulk_requeue.run_due())
        if now - self._asked_at > missed.LOOK:
            self._asked_at = now
            missed.request_runs()

    def _renew(self) -> None:
        """Say again that this relay lives, and renew its leases long before they end."""
        self._renewed_at = time.monotonic()
        sql.register_relay(self.owner, [each.destination.name for each in self.destination_relays])
        for each in self.destination_relays:
            sql.renew_leases(each.destination.name, self.owner, settings.lease())

    def _settle(self) -> None:
        """Reach a fair share of each destination's shards.

        For each relay that joined, shards above the fair share are released once. Shards that nobody takes are taken,
        even above the fair share.
        """
        self._settled_at = time.monotonic()
        for each in self.destination_relays:
            name, length = each.destination.name, settings.lease()
            share = sql.read_share(name, self.owner, length)
            fair = math.ceil(SHARDS / max(share.relays, 1))
            each.held = share.held
            if share.held > fair and share.relays > each.shared_by:
                each.held -= sql.release_shards(name, self.owner, share.held - fair)
                doorbell.ring()
            elif share.free:
                each.held += sql.take_shards(name, self.owner, max(fair - share.held, 0), length, timedelta(0))
                each.held += sql.take_shards(name, self.owner, SHARDS, length, FREE_FOR_ALL_AFTER)
            each.shared_by = share.relays
