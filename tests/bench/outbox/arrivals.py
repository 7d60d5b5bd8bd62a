"""What stands in Redis: how many messages have come, and when each came."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from redis import Redis

from tests.bench.errors import BenchError

from .contenders import Contender
from .event import STREAM

PATIENCE = 30.0  # seconds without one more message
AT_ONCE = 1000  # entries read at once
LISTEN = 1.0  # seconds a read waits
NUMBERED = re.compile(rb"bench-event:(\d+)")
"""A message's number, in its key."""


def key(number: int) -> str:
    """The key by which a message is known again, whatever it is wrapped in."""
    return f"bench-event:{number}"


class Arrivals:
    """The messages of a contender on a Redis that is its own."""

    def __init__(self, url: str, contender: Contender) -> None:
        self.redis = Redis.from_url(url)
        self.is_stream = contender.arrives == "stream"

    def count(self) -> int:
        """How many have come, copies included."""
        answer: Any = self.redis.xlen(STREAM) if self.is_stream else self.redis.llen(STREAM)
        return int(answer)

    def clear(self) -> None:
        self.redis.delete(STREAM)

    def collect(self, numbers: Iterable[int]) -> dict[int, float]:
        """The monotonic time at which each of these was first read. Raises BenchError when some do not come."""
        wanted, came, last = set(numbers), dict[int, float](), "0-0"
        moved = time.monotonic()
        while wanted - came.keys():
            entries, last = self._stream(last) if self.is_stream else self._list(last)
            now = time.monotonic()
            for entry in entries:
                came.setdefault(number_of(entry), now)
            moved = now if entries else moved
            if now - moved > PATIENCE:
                raise BenchError(f"{len(wanted - came.keys())} of {len(wanted)} messages did not come.")
        return {number: came[number] for number in wanted}

    def close(self) -> None:
        self.redis.close()

    def _stream(self, last: str) -> tuple[list[bytes], str]:
        found: Any = self.redis.xread({STREAM: last}, count=AT_ONCE, block=int(LISTEN * 1000))
        entries = stream_entries(found)
        return [b" ".join(fields.values()) for _, fields in entries], (entries[-1][0].decode() if entries else last)

    def _list(self, last: str) -> tuple[list[bytes], str]:
        found: Any = self.redis.brpop([STREAM], timeout=LISTEN)
        return ([found[1]] if found else []), last


def stream_entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of one stream in an answer to XREAD, which redis-py gives as a list or a dict, by its protocol."""
    if not found:
        return []
    answer = next(iter(found.values())) if isinstance(found, dict) else found[0][1]
    entries = answer[0] if isinstance(found, dict) else answer
    return list(entries)


def number_of(entry: bytes) -> int:
    """The number that a message carries in its key; -1 for one of somebody else's."""
    found = NUMBERED.search(entry)
    return int(found[1]) if found else -1
