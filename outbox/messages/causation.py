"""Which message is being handled: whatever is published meanwhile was caused by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "caused_by"

_handled: ContextVar[str] = ContextVar("handled", default="")


def headers() -> dict[str, str]:
    """The id of the message in hand as a header for what it causes; nothing when no message is in hand."""
    handled = _handled.get()
    return {HEADER: handled} if handled else {}


@contextmanager
def use(message_id: str) -> Iterator[None]:
    """Make `message_id` the cause of what is published within the block."""
    token = _handled.set(message_id)
    try:
        yield
    finally:
        _handled.reset(token)
