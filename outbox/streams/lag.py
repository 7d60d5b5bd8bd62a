"""How far a consumer group is behind its stream. Age decides: one old entry that nobody has handled is a stall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..transports.streams import connect


@dataclass(frozen=True, slots=True)
class GroupLag:
    """What a group has not acknowledged. Messages that failed and wait in our tables are in `outbox status`."""

    unread: int | None
    """Entries that no member has read; None when Redis cannot tell, for example after entries were deleted."""
    in_hand: int
    oldest: timedelta | None
    """How long the oldest of both has been in the stream."""


def read_lag(stream: str, group: str, url: str | None = None) -> GroupLag | None:
    """The group's lag, in four short commands; None when there is no such group. Raises redis.RedisError."""
    client: Any = connect(url)
    groups = client.xinfo_groups(stream) if client.exists(stream) else []
    found = next((one for one in groups if one["name"].decode() == group), None)
    if found is None:
        return None
    unread = client.xrange(stream, min=f"({found['last-delivered-id'].decode()}", count=1)
    in_hand = client.xpending_range(stream, group, "-", "+", 1)
    ids = [id_ for id_, _ in unread] + [one["message_id"] for one in in_hand]
    seconds, microseconds = client.time()
    now = seconds * 1000 + microseconds // 1000
    ages = [now - int(id_.decode().split("-")[0]) for id_ in ids]
    oldest = timedelta(milliseconds=max(0, *ages)) if ages else None
    return GroupLag(found.get("lag"), found["pending"], oldest)
