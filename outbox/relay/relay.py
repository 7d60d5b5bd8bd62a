"""A relay: shares the shards with all others that live, and drains its own at each ring of the doorbell."""

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

FLOOR = 1.0  # seconds: the longest between two looks, whether the bell rings or not
LOOK_AGAIN = timedelta(seconds=2.5 * doorbell.STANDS)
LEFT_LYING = timedelta(seconds=2)  # a shard that nobody took for so long is anybody's
MANY = 5  # messages in a batch: from there on much is being written, and fewer, larger batches cost less
GATHERED = 0.02  # seconds for which messages are gathered then


class Relay:
    """One relay, for the given destinations or for all that are configured.

    Any number may run, on any machine: each holds its share of every destination's shards, by leases in PostgreSQL.
    There is no leader. What a relay that died held is free when its lease has run out.
    """

    def __init__(self, to: Sequence[Destination] | None = None) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.destination_relays = [
            DestinationRelay(one, self.owner) for one in (destinations.configured() if to is None else to)
        ]
        self.until = math.inf
        """The monotonic time at which `run` ends; may be moved while it runs."""
        self._stop = threading.Event()
        self._settled_at = self._renewed_at = self._redelivered_at = self._asked_at = -math.inf

    def drain(self) -> int:
        """Take a share, publish all that is due in it, and let go; returns how many messages went out."""
        self._stop = threading.Event()
        with self._on_duty():
            return self._drain()

    def tick(self, stay: timedelta) -> int:
        """Drain, and at each ring for `stay`; returns how many messages went out."""
        self.until = time.monotonic() + stay.total_seconds()
        return self.run(threading.Event())

    def run(self, stop: threading.Event) -> int:
        """Drain at each ring, and once a second, until told to stop or the time is up.

        What was begun is finished and marked, and the shards are let go.
        """
        self._stop = stop
        with Listener() as bell, self._on_duty():
            sent = last = self._drain()
            owed = False  # a ring stands for what is written a moment later, too: after it another look is owed
            while not stop.is_set() and ((left := self.until - time.monotonic()) > 0 or owed):
                patience = LOOK_AGAIN if owed else timedelta(seconds=min(left, FLOOR))
                heard = bell.listen(patience)
                if (heard or owed) and last >= MANY:
                    time.sleep(GATHERED)
                last = self._drain()
                sent += last
                owed = heard
        return sent

    @contextmanager
    def _on_duty(self) -> Iterator[None]:
        for each in self.destination_relays:
            sql.make_shards(each.destination.name, SHARDS)
        self._settled_at = self._renewed_at = self._redelivered_at = -math.inf
        try:
            yield
        finally:
            sql.deregister_relay(self.owner, forget_after=4 * settings.lease())
            doorbell.ring()

    def _drain(self) -> int:
        self._look_up()
        sent = sum(each.drain(self._goes_on) for each in self.destination_relays)
        heartbeat.finished("outbox.relay", messages_published=sent)
        self._redeliver()
        return sent

    def _goes_on(self) -> bool:
        """Before each batch, since a backlog may be long: all that is due meanwhile; False when told to stop."""
        self._look_up()
        self._redeliver()
        heartbeat.finished("outbox.relay")  # of the batch before
        return not self._stop.is_set()

    def _look_up(self) -> None:
        """Hold on to the shards, and share them with those who have come."""
        now = time.monotonic()
        if now - self._renewed_at > settings.lease().total_seconds() / 3:
            self._renew()
        if now - self._settled_at >= FLOOR:
            self._settle()

    def _redeliver(self) -> None:
        now = time.monotonic()
        if now - self._redelivered_at < FLOOR:
            return
        self._redelivered_at = now
        for each in self.destination_relays:
            each.redeliver()
        heartbeat.finished("outbox.redeliver", dead_letters_requeued=bulk_requeue.run_due())
        if now - self._asked_at > missed.LOOK:
            self._asked_at = now
            missed.request_runs()

    def _renew(self) -> None:
        """Sign on again, and hold on to the shards, long before the lease runs out."""
        self._renewed_at = time.monotonic()
        sql.register_relay(self.owner, [each.destination.name for each in self.destination_relays])
        for each in self.destination_relays:
            sql.renew_leases(each.destination.name, self.owner, settings.lease())

    def _settle(self) -> None:
        """Come to a fair share of each destination.

        Shards above it are let go once for each relay that has come; what others leave lying is taken, whoever's it is.
        """
        self._settled_at = time.monotonic()
        for each in self.destination_relays:
            name, length = each.destination.name, settings.lease()
            stands = sql.read_share(name, self.owner, length)
            fair = math.ceil(SHARDS / max(stands.relays, 1))
            each.held = stands.held
            if stands.held > fair and stands.relays > each.shared_by:
                each.held -= sql.release_shards(name, self.owner, stands.held - fair)
                doorbell.ring()
            elif stands.free:
                each.held += sql.take_shards(name, self.owner, max(fair - stands.held, 0), length, timedelta(0))
                each.held += sql.take_shards(name, self.owner, SHARDS, length, LEFT_LYING)
            each.shared_by = stands.relays
