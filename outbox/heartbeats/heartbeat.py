"""The heartbeat that a periodic duty leaves each time it finishes: its own row, with what it found.

It costs little: a duty that runs each second leaves one every five seconds, with all that it found since. When the
database is away, a heartbeat is lost and the duty does not fail: readers see an old row.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError

from .. import settings, sql
from ..messages.durations import say

logger = logging.getLogger(__name__)

LONGEST_ERROR = 500
P = ParamSpec("P")
R = TypeVar("R")

_turn = threading.Lock()
_left: dict[str, float] = {}
_found: dict[str, Counter[str]] = {}


def finished(duty: str, seconds: float | None = None, **found: int) -> None:
    """Record that the duty finished a piece of work in `seconds`; `found`: what was found, and how many."""
    gathered = _gathered(duty, found)
    if gathered is None:
        return
    words = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in gathered.items() if number)
    try:
        late = sql.leave_heartbeat(duty, seconds, words)
    except (DatabaseError, InterfaceError) as error:
        _could_not(duty, error)
    else:
        if late is not None:
            logger.warning("A duty that was missed ran late", extra={"duty": duty, "not_run_for": say(late)})


def failed(duty: str, error: BaseException) -> None:
    """Record that the duty failed. Readers see why, and since when it has not finished."""
    if _gathered(f"{duty} failed", {}) is None:
        return
    try:
        sql.note_failure(duty, f"{type(error).__qualname__}: {error}".strip().replace("\0", "")[:LONGEST_ERROR])
    except (DatabaseError, InterfaceError) as away:
        _could_not(duty, away)


def leaves(duty: str, found: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate the function that does the duty. An int that it returns is how many of `found` it found."""

    def of(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def done(*args: P.args, **kwargs: P.kwargs) -> R:
            begun = time.monotonic()
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                failed(duty, error)
                raise
            number = result if isinstance(result, int) else 0
            finished(duty, time.monotonic() - begun, **{found: number})
            return result

        return done

    return of


def forget_all() -> None:
    """Forget what this process has left; for tests."""
    _left.clear()
    _found.clear()


def _gathered(duty: str, found: dict[str, int]) -> Counter[str] | None:
    """What was found since the last heartbeat; None when it is too early for another."""
    now, every = time.monotonic(), settings.heartbeat_every().total_seconds()
    with _turn:
        all_of_it = _found.setdefault(duty, Counter())
        all_of_it.update(found)
        if now - _left.get(duty, -math.inf) < every:
            return None
        _left[duty] = now
        del _found[duty]
    return all_of_it


def _could_not(duty: str, error: Exception) -> None:
    logger.warning("A heartbeat could not be left", extra={"duty": duty, "error": str(error).strip()})
