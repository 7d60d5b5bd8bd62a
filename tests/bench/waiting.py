"""Waits for many things of one kind to be done."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import BenchError

PATIENCE = 60.0  # seconds in which not one more is done


def until(
    count: Callable[[], int],
    wanted: int,
    pause: float,
    alive: Callable[[], None],
    complaint: str,
    before: int = 0,
    patience: float | None = None,
) -> None:
    """Ask `count` every `pause` seconds until it is `wanted`; `alive` raises when a process is gone.

    Raises BenchError, which begins with `complaint`, when none is added for `patience` seconds, by default PATIENCE;
    `before` are done already.
    """
    patience = PATIENCE if patience is None else patience
    last, moved = -1, time.monotonic()
    while (now := count()) < wanted:
        alive()
        if now > last:
            last, moved = now, time.monotonic()
        if time.monotonic() - moved > patience:
            done = f"{before + now} of {before + wanted}"
            raise BenchError(f"{complaint}: {done}, and none in the last {patience:g} s.")
        time.sleep(pause)
