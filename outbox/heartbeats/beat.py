"""Beat's own heartbeat: each tick that it is about to send shows that it lives, whatever its scheduler.

Its ticks say when they were sent, as the outbox's own messages do.

It also shows how far beat's clock is from the database's. A tick expires by beat's clock, and a worker compares that
with its own clock.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from celery import signals
from django.db import DatabaseError, InterfaceError

from .. import sql
from ..messages import sending_time
from ..schedule import EXPIRY
from . import heartbeat
from .duties import DUTIES

DUTY = "beat"
LOOK = 5.0  # seconds between two checks of which duties are done

_beats_thread: list[int] = []


def listen() -> None:
    """Let the process that is beat, or the worker's thread that is, leave heartbeats from now on."""
    signals.beat_init.connect(_begin, weak=False, dispatch_uid="outbox.beat")
    signals.beat_embedded_init.connect(_begin, weak=False, dispatch_uid="outbox.beat")


def _begin(**_: Any) -> None:
    _beats_thread[:] = [threading.get_ident()]
    signals.before_task_publish.connect(_tick, weak=False, dispatch_uid="outbox.beat")


def _tick(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if threading.get_ident() in _beats_thread:  # other threads of a worker publish too
        if headers is not None:
            headers.update(sending_time.stamped())
        heartbeat.finished(DUTY)


class SparingScheduler:
    """A mixin for a scheduler class: while no worker does a duty, it sends few ticks of that duty.

    Put it before the scheduler's own class. A broker such as Redis keeps expired tasks until a worker takes them. So
    for a frequent duty that no worker has done for as long as its tick lives, at most one tick waits at any time.
    """

    _looked_at = -math.inf
    _not_done: frozenset[str] = frozenset()

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send the tick, unless one of the same duty already waits."""
        now = time.monotonic()
        sent: dict[str, float] = self.__dict__.setdefault("_sent_at", {})
        if (
            entry.task in self._duties_not_done(now)
            and now - sent.get(entry.name, -math.inf) < EXPIRY.total_seconds() / 2
        ):
            heartbeat.finished(DUTY)
            return
        sent[entry.name] = now
        super().apply_entry(entry, producer)  # type: ignore[misc]

    def _duties_not_done(self, now: float) -> frozenset[str]:
        if now - self._looked_at > LOOK:
            self._looked_at = now
            try:
                rows = sql.heartbeats_of(list(DUTIES))
            except (DatabaseError, InterfaceError):
                rows = []  # unknown: send all ticks
            self._not_done = frozenset(
                row.name
                for row in rows
                if row.name in DUTIES
                and DUTIES[row.name].is_frequent
                and min(row.silent_for, row.failed_for or row.silent_for) > EXPIRY
            )
        return self._not_done
