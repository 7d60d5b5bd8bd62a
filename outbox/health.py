"""Is the outbox moving? Age says so: a full table that moves is healthy, one old message is not.

For a health check, for alarms, and for whatever scrapes figures: `figures()` are plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from . import alarms, sql, standing
from .alarms import bounded
from .standing import COUNTED, Standing

__all__ = ["Status", "bounded", "dead_letters", "figures", "oldest_unpublished_age", "stalls", "status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How the outbox stands. Counts end at 1000 for each destination."""

    destinations: tuple[Standing, ...]
    alarms: tuple[str, ...]
    """What somebody should see to; empty when all is well."""

    @property
    def oldest(self) -> timedelta | None:
        """How long the oldest unpublished message waits."""
        return max((one.oldest for one in self.destinations if one.oldest is not None), default=None)

    @property
    def unpublished(self) -> int:
        return sum(one.depth for one in self.destinations)

    @property
    def overdue(self) -> int:
        return sum(one.overdue for one in self.destinations)

    @property
    def dead(self) -> int:
        return sum(one.dead for one in self.destinations)


def status(max_age: timedelta | None = None) -> Status:
    """All at once. `max_age` counts in place of each destination's own."""
    stands = standing.look()
    return Status(tuple(stands), tuple(alarms.alarms(stands, max_age)))


def stalls() -> list[str]:
    """Where messages do not move: too old, without a relay, or to a destination that no setting names. In words."""
    return alarms.stalls(standing.look())


def oldest_unpublished_age() -> timedelta | None:
    """How long the oldest message has waited to be published; None when none waits. One probe of each shard's head."""
    return max(sql.unpublished_ages().values(), default=None)


def dead_letters() -> int:
    """How many messages were given up and wait for a person; at most 1000 are counted."""
    return sum(sql.dead(COUNTED).values())


def figures() -> dict[str, dict[str, float]]:
    """Numbers of each destination, for whatever scrapes them; ages in seconds, 0 when nothing waits."""
    return {
        one.name: {
            "oldest_unpublished_seconds": one.oldest.total_seconds() if one.oldest else 0.0,
            "unpublished": one.depth,
            "held_keys": one.held,
            "keys_waiting_for_a_person": one.stopped,
            "dead_letters": one.dead,
            "overdue_deliveries": one.overdue,
            "relays": len(one.relays),
            "shards_paused": len(one.paused),
            "shards_unowned": len(one.unowned),
            "outage_seconds": one.outage.outage_for.total_seconds() if one.outage and one.outage.outage_for else 0.0,
            "configured": one.destination is not None,
        }
        for one in standing.look()
    }
