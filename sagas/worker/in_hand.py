"""The runs that this process works on, and how it releases them when it has to end before they are done.

The steps of a killed worker stay claimed until their leases end. A worker that ends in order releases them: they can
be claimed at once, and the sweep starts their runs again. What became of a call that was cut off is in doubt, as after
a kill: the step is called again under its key.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from .. import sql

_runs: Counter[UUID] = Counter()
_lock = threading.Lock()


@contextmanager
def in_hand(run_id: UUID) -> Iterator[None]:
    """Within the block a task of this process works on the run."""
    pick_up(run_id)
    try:
        yield
    finally:
        lay_down(run_id)


def pick_up(run_id: UUID) -> None:
    """From now on this process works on the run, once more."""
    with _lock:
        _runs[run_id] += 1


def lay_down(run_id: UUID) -> None:
    """The end of what `pick_up` began."""
    with _lock:
        _runs[run_id] -= 1
        if not _runs[run_id]:
            del _runs[run_id]


def put_down(worker: str) -> int:
    """End the leases that this process, the worker of that name, holds; returns how many there were.

    Call it when the process ends right after: a step that went on could not be recorded (LeaseLost). Raises
    DatabaseError.
    """
    with _lock:
        runs = list(_runs)
    return sql.execute(sql.PUT_DOWN, {"runs": runs, "worker": worker}) if runs else 0
