"""When a task's message was sent: a header of our own, by the sender's clock. Celery's messages carry no time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

HEADER = "sent_at"


def stamped(headers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The headers, of a message that is sent now; a time of an earlier sending is replaced."""
    return {**(headers or {}), HEADER: time.time()}


def read(message: bytes | str | None) -> float | None:
    """When a message, as it lies in Redis, was sent, in seconds since 1970; None when it does not say so."""
    try:
        return _decode(message).headers.sent_at if message else None
    except msgspec.MsgspecError:  # somebody else's
        return None


def age(sent_at: float) -> float:
    """Seconds since then; 0 where the sender's clock is ahead."""
    return max(0.0, time.time() - sent_at)


class _Headers(msgspec.Struct):
    sent_at: float | None = None


class _Message(msgspec.Struct):
    headers: _Headers = msgspec.field(default_factory=_Headers)


_decode = msgspec.json.Decoder(_Message).decode
