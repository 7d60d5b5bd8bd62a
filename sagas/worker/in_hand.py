"""The runs that this process has in hand, and how they are put down when it must end before they are done.

A worker that is killed keeps its steps until their leases end. One that knows that it ends can say so: its steps are
free at once, and the sweep rings their runs. What the participant makes of a call that is cut off is in doubt, as after
a kill: the step is asked for again under its key.
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
    """While a task of this process carries the run."""
    with _lock:
        _runs[run_id] += 1
    try:
        yield
    finally:
        with _lock:
            _runs[run_id] -= 1
            if not _runs[run_id]:
                del _runs[run_id]


def put_down(worker: str) -> int:
    """End the leases on the steps that the worker of this name, this process, has in hand; how many there were.

    Call it when the process ends right after: a step that went on would find itself fenced. Raises DatabaseError.
    """
    with _lock:
        runs = list(_runs)
    return sql.execute(sql.PUT_DOWN, {"runs": runs, "worker": worker}) if runs else 0
