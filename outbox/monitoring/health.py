"""Is the outbox healthy?

Age decides: a full table that moves is healthy; one old message or one old heartbeat is not.

For a health check, for alarms, and for a metrics collector: `figures()` are plain numbers. The limits are in
`heartbeats/duties.py` and `alarms.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .. import sql
from ..publishing import destinations
from ..relay import lookback
from . import alarms, destination_status, duty_status, held_snapshots
from .alarms import bounded
from .destination_status import COUNTED, DestinationStatus
from .duty_status import DutyReport

__all__ = ["OutboxStatus", "bounded", "dead_letters", "duties", "figures", "oldest_unpublished_age", "stalls", "status"]


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """The state of the outbox. Counts end at 1000 for each destination."""

    destinations: tuple[DestinationStatus, ...]
    duty_report: DutyReport
    """The duties of every app that registers some, and what waits for them."""
    alarms: tuple[str, ...]
    """What a person should look at; empty when all is well."""
    stalls: tuple[str, ...]
    """The alarms on which a health check fails: a duty is not done, or messages do not move."""
    unnamed_dead: int = 0
    """How many dead letters name no destination."""

    @property
    def oldest(self) -> timedelta | None:
        """How long the oldest unpublished message has waited; None when none waits."""
        return max((one.oldest for one in self.destinations if one.oldest is not None), default=None)

    @property
    def unpublished(self) -> int:
        """How many messages are unpublished, over all destinations."""
        return sum(one.depth for one in self.destinations)

    @property
    def overdue(self) -> int:
        """How many deliveries are overdue, over all destinations."""
        return sum(one.overdue for one in self.destinations)

    @property
    def dead(self) -> int:
        """How many dead letters there are, with and without a destination."""
        return sum(one.dead for one in self.destinations) + self.unnamed_dead


def status(max_age: timedelta | None = None) -> OutboxStatus:
    """Read everything. `max_age` replaces each destination's own limit."""
    statuses, report = destination_status.read_statuses(), duty_status.read_report()
    unnamed_dead = destination_status.read_unnamed_dead()
    stalled = [*alarms.stalls(statuses, max_age), *report.stalls]
    return OutboxStatus(
        tuple(statuses),
        report,
        (
            *alarms.alarms(statuses, max_age),
            *alarms.of_unnamed_dead(unnamed_dead),
            *report.alarms,
            *held_snapshots.alarms(),
        ),
        tuple(stalled),
        unnamed_dead,
    )


def stalls() -> list[str]:
    """What does not move, and which duties are not done, one sentence each."""
    return list(status().stalls)


def oldest_unpublished_age() -> timedelta | None:
    """How long the oldest message has waited to be published; None when none waits. Reads the head of each shard."""
    return max(_unpublished_ages().values(), default=None)


def oldest_unpublished_ages() -> dict[str, timedelta]:
    """The same for each configured destination; 0 where none waits."""
    ages = _unpublished_ages()
    return {one.name: ages.get(one.name, timedelta(0)) for one in destinations.configured()}


def _unpublished_ages() -> dict[str, timedelta]:
    return sql.unpublished_ages(lookback.messages.since(), [one.name for one in destinations.configured()])


def dead_letters() -> int:
    """How many messages were given up and wait for a person; at most 1000 are counted."""
    return sum(sql.count_dead_letters(COUNTED).values())


def figures() -> dict[str, dict[str, float]]:
    """Numbers of each destination for a metrics collector; ages in seconds, 0 when nothing waits."""
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
        for one in destination_status.read_statuses()
    }


def duties(report: DutyReport) -> dict[str, dict[str, dict[str, object]]]:
    """Each duty and each wait by its name, for machines. Durations are in seconds; no text names a host or an error."""
    done: dict[str, dict[str, object]] = {
        one.duty.name: {
            "state": one.state,
            "silent_seconds": round(one.heartbeat.silent_for.total_seconds(), 1),
            "healthy_seconds": None if one.duty.healthy is None else one.duty.healthy.total_seconds(),
            "found": one.heartbeat.found,
            "clock_ahead_seconds": None if one.heartbeat.skew is None else round(one.heartbeat.skew, 2),
            "last_ran_late_seconds": None
            if one.heartbeat.late_for is None
            else round(one.heartbeat.late_for.total_seconds()),
        }
        for one in report.duties
    }
    waits: dict[str, dict[str, object]] = {
        one.wait.name: {
            "state": "late" if one.is_late else "ok",
            "waits_seconds": round(one.age.total_seconds(), 1) if one.age else 0.0,
            "healthy_seconds": one.wait.healthy.total_seconds() if one.wait.healthy else None,
        }
        for one in report.waits
    }
    return {"duties": dict(sorted(done.items())), "waits": dict(sorted(waits.items()))}
