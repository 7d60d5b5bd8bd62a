"""Knows which message is being handled: it is the cause of what is published meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "caused_by"

_handled: ContextVar[str] = ContextVar("handled", default="")


def headers() -> dict[str, str]:
    """The id of the current message as a header for the messages it causes; empty when none is being handled."""
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
