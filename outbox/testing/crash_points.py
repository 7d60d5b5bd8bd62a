"""Relays that are killed, or frozen, at the worst moments, for crash tests of projects that use the outbox.

`python` with the arguments of `crashing_relay(point)` is a relay of the project in its own process. It sends itself the
signal when it reaches the point with its first batch, or with its `nth`. The relay's code is not changed: the functions
around the point are replaced in that process. DJANGO_SETTINGS_MODULE must be set.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction

from .. import sql
from ..messages.envelope import Envelope
from ..publishing import destinations
from ..transports import Outgoing, Sent, Transport, WakingTransport

PROGRAM = """
import sys, django
django.setup()
from outbox.testing.crash_points import main
main(*sys.argv[1:])
"""
"""Not `-m`, which would import this package, and with it models, before Django is set up."""
STAYS = timedelta(seconds=60)
"""The longest time that such a relay runs."""


class CrashPoint(StrEnum):
    """A moment in the work on one batch. `NOWHERE`: nothing happens to the relay."""

    NOWHERE = "nowhere"
    AFTER_FETCH = "after-fetch"
    IN_PUBLISH = "in-publish"
    """Half of the batch has been sent."""
    AFTER_PUBLISH = "after-publish"
    """All of it has been sent, and nothing is marked."""
    IN_MARK = "in-mark"
    """The mark has run and is not committed."""
    AFTER_MARK = "after-mark"
    """Deliveries are open, and no subscriber was woken."""
    IN_WAKING = "in-waking"
    """Half of the subscribers that pull have been woken."""


def crashing_relay(point: CrashPoint, signal_name: str = "SIGKILL", *, nth: int = 1) -> list[str]:
    """The arguments for `python`. With SIGSTOP the relay freezes at the point until it gets a SIGCONT.

    `nth`: with which batch. In a backlog a relay marks a batch while it fetches and publishes the next one.
    """
    return ["-c", PROGRAM, point.value, signal_name, str(nth)]


class Fault:
    """Sends the signal to this process the nth time it reaches the point."""

    def __init__(self, point: CrashPoint, number: signal.Signals, nth: int = 1) -> None:
        self.point = point
        self.number = number
        self.left = nth

    def inject(self, at: CrashPoint) -> None:
        """Send the signal if the relay is at its point, for the nth time."""
        if at is self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.number)

    def awaits(self, at: CrashPoint) -> bool:
        """Whether the fault happens this time, at this point."""
        return at is self.point and self.left == 1

    def install(self) -> None:
        """Wrap the relay's statements so that the fault happens."""
        fetch, mark = sql.fetch, sql.mark

        def fetched(*args: Any, **named: Any) -> list[sql.Due]:
            due = fetch(*args, **named)
            if due:
                self.inject(CrashPoint.AFTER_FETCH)
            return due

        def marked(*args: Any, **named: Any) -> None:
            if self.awaits(CrashPoint.IN_MARK):
                with transaction.atomic():
                    mark(*args, **named)
                    self.inject(CrashPoint.IN_MARK)
            else:
                mark(*args, **named)
                self.inject(CrashPoint.IN_MARK)
            self.inject(CrashPoint.AFTER_MARK)

        sql.fetch, sql.mark = fetched, marked


class FaultyTransport:
    """A transport that sends the signal in the middle of its work."""

    def __init__(self, transport: Transport, fault: Fault) -> None:
        self.transport = transport
        self.fault = fault

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        return self.transport.recipients(envelope)

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        self._half(CrashPoint.IN_PUBLISH, batch, self.transport.publish)
        sent = self.transport.publish(batch)
        self.fault.inject(CrashPoint.AFTER_PUBLISH)
        return sent

    def wake(self, marked: Sequence[Outgoing], *, again: bool = False) -> Exception | None:
        if not isinstance(self.transport, WakingTransport):
            return None
        self._half(CrashPoint.IN_WAKING, marked, self.transport.wake)
        return self.transport.wake(marked, again=again)

    def _half(self, point: CrashPoint, batch: Sequence[Outgoing], send: Callable[[Sequence[Outgoing]], object]) -> None:
        """A relay that was only frozen sends this half twice, as after a broker that applied half of a pipeline."""
        if len(batch) > 1:
            if self.fault.awaits(point):
                send(batch[: len(batch) // 2])
            self.fault.inject(point)


def main(point: str, signal_name: str, nth: str = "1") -> None:
    """Relay until the fault happens. A relay that fails, because a frozen one lost its connection, starts again."""
    from ..relay.threads import RelayThreads  # needs the project's apps

    fault = Fault(CrashPoint(point), signal.Signals[signal_name], int(nth))
    fault.install()
    crew = RelayThreads(
        [replace(one, transport=FaultyTransport(one.transport, fault)) for one in destinations.configured()]
    )
    crew.stay_until(time.monotonic() + STAYS.total_seconds())
    crew.run()
