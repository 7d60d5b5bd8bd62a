"""How subscribers ask the card processor about a report: while it is away the report waits, and no attempt is spent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from orders.participants.errors import ConnectionLost
from outbox import RetryAfter

SOONEST = timedelta(seconds=1)
UNANSWERED = timedelta(seconds=30)


@contextmanager
def asked_later() -> Iterator[None]:
    """Around a question that changes nothing. Raises RetryAfter when the processor takes no calls, or is silent."""
    try:
        yield
    except RetryAfter as later:
        raise RetryAfter(max(later.delay, SOONEST), str(later)) from later
    except ConnectionLost as silence:
        raise RetryAfter(UNANSWERED, str(silence)) from silence
