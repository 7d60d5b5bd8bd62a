"""Ids that sort by the time at which they were made."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, date, datetime
from uuid import UUID


def uuid7() -> UUID:
    """A UUID of version 7: 48 bits of milliseconds since 1970, then 74 random bits (RFC 9562, section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (2**62 - 1)
    return UUID(int=value)


def day_of(id_: UUID) -> date | None:
    """The day, in UTC, on which an id of version 7 was made; None for an id of another version."""
    if id_.version != 7:
        return None
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC).date()
