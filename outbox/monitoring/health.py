"""Does all move, and does everybody still do what they must? Age says so: a full table that moves is healthy, one old
message, or one old heartbeat, is not.

For a health check, for alarms, and for whatever scrapes figures: `figures()` are plain numbers. The limits are in
`heartbeats/duties.py` and `alarms.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .. import sql
from ..publishing import destinations
from ..relay import lookback
from . import alarms, held_snapshots, watch
from . import status as standing
from .alarms import bounded
from .status import COUNTED, Standing
from .watch import Watch

__all__ = ["Status", "bounded", "dead_letters", "duties", "figures", "oldest_unpublished_age", "stalls", "status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How the outbox stands. Counts end at 1000 for each destination."""

    destinations: tuple[Standing, ...]
    watch: Watch
    """The duties, of every app that registers its own, and what waits for them."""
    alarms: tuple[str, ...]
    """What somebody should see to; empty when all is well."""
    stalls: tuple[str, ...]
    """Those of them that a health check fails on: nobody does it, or it does not move."""

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
    stands, watched = standing.look(), watch.look()
    stalled = [*alarms.stalls(stands, max_age), *watched.stalls]
    return Status(
        tuple(stands),
        watched,
        (*alarms.alarms(stands, max_age), *watched.alarms, *held_snapshots.alarms()),
        tuple(stalled),
    )


def stalls() -> list[str]:
    """What does not move, and what nobody does any more, in words."""
    return list(status().stalls)


def oldest_unpublished_age() -> timedelta | None:
    """How long the oldest message has waited to be published; None when none waits. One probe of each shard's head."""
    names = [one.name for one in destinations.configured()]
    return max(sql.unpublished_ages(lookback.messages.since(), names).values(), default=None)


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


def duties(watched: Watch) -> dict[str, dict[str, dict[str, object]]]:
    """Each duty and each wait by its name, for machines. Spans are in seconds; no text names a host or an error."""
    done: dict[str, dict[str, object]] = {
        one.duty.name: {
            "state": one.state,
            "silent_seconds": round(one.left.silent_for.total_seconds(), 1),
            "healthy_seconds": None if one.duty.healthy is None else one.duty.healthy.total_seconds(),
            "found": one.left.found,
            "clock_ahead_seconds": None if one.left.skew is None else round(one.left.skew, 2),
            "last_ran_late_seconds": None if one.left.late_for is None else round(one.left.late_for.total_seconds()),
        }
        for one in watched.duties
    }
    waits: dict[str, dict[str, object]] = {
        one.wait.name: {
            "state": "late" if one.is_late else "ok",
            "waits_seconds": round(one.age.total_seconds(), 1) if one.age else 0.0,
            "healthy_seconds": one.wait.healthy.total_seconds() if one.wait.healthy else None,
        }
        for one in watched.waits
    }
    return {"duties": dict(sorted(done.items())), "waits": dict(sorted(waits.items()))}
