"""Beat's own heartbeat: each tick that it is about to send is a sign of life, whatever its scheduler.

It also tells how far beat's clock is from the database's: what expires by beat's clock is thrown away by a worker's.
"""

from __future__ import annotations

import threading
from typing import Any

from celery import signals

from . import heartbeat

DUTY = "beat"

_beats_thread: list[int] = []


def listen() -> None:
    """Have the process that is beat, or the worker's thread that is, leave heartbeats from now on."""
    signals.beat_init.connect(_begin, weak=False, dispatch_uid="outbox.beat")
    signals.beat_embedded_init.connect(_begin, weak=False, dispatch_uid="outbox.beat")


def _begin(**_: Any) -> None:
    _beats_thread[:] = [threading.get_ident()]
    signals.before_task_publish.connect(_tick, weak=False, dispatch_uid="outbox.beat")


def _tick(**_: Any) -> None:
    if threading.get_ident() in _beats_thread:  # a worker's other threads publish as well
        heartbeat.finished(DUTY)
