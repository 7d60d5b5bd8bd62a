"""A worker, or a sender, that is killed in the instant in which a wait ends: a program of its own."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any
from uuid import UUID

from django.db import transaction


def main() -> None:
    """`<gap> <run>`: carry the run's current step, or send it a signal, and be killed in the gap."""
    from sagas.engine import forward, kept_waits
    from sagas.waits import sending
    from tests.support.sagas.crossing import Offer, crossing
    from tests.support.sagas.driver import step_once

    gap, run_id = sys.argv[1], UUID(sys.argv[2])
    patched: dict[str, tuple[Any, str]] = {
        "as_the_end_is_recorded": (forward, "begin_undo"),
        "as_the_signal_is_recorded": (kept_waits, "close"),
        "as_the_signal_is_sent": (sending, "bring_forward"),
    }
    if gap == "before_the_end_is_recorded":
        forward._end_step = die  # type: ignore[assignment]
    else:
        module, name = patched[gap]
        setattr(module, name, then_die(getattr(module, name)))
    if gap == "as_the_signal_is_sent":
        with transaction.atomic():
            crossing.send("key-1", "supplier_answered", Offer(7), id="s-1")
    step_once(run_id)


def then_die(function: Any) -> Any:
    def run(*given: Any, **named: Any) -> None:
        function(*given, **named)
        die()

    return run


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
