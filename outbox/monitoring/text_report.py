"""The state of the outbox as lines of text."""

from __future__ import annotations

from ..messages.durations import say
from ..models import Hold
from ..operations.held_keys import Depth
from .alarms import bounded
from .destination_status import DestinationStatus
from .duty_status import WaitStatus
from .health import OutboxStatus


def lines(now: OutboxStatus) -> list[str]:
    """The sums, then each destination, each duty, and what waits for them."""
    age = now.oldest.total_seconds() if now.oldest else 0.0
    return [
        f"oldest unpublished   {age:.1f} s",
        f"unpublished          {bounded(now.unpublished)}",
        f"overdue deliveries   {bounded(now.overdue)}",
        f"dead letters         {bounded(now.dead)}",
        *([f"{'(no destination)':<20} {bounded(now.unnamed_dead)} dead letters"] if now.unnamed_dead else []),
        *(f"{one.name:<20} {', '.join(_facts(one))}" for one in now.destinations),
        *(f"{one.duty.name:<26} {one.state:<8} {one.words}" for one in now.duty_report.duties),
        *(f"{one.wait.name:<26} {'late' if one.is_late else 'ok':<8} {_oldest(one)}" for one in now.duty_report.waits),
    ]


def held_line(hold: Hold, depth: Depth) -> str:
    """One held key."""
    until = "until a person acts" if hold.until is None else f"until {hold.until:%Y-%m-%d %H:%M:%S}"
    return (
        f"{hold.destination}  {hold.key}  since {hold.since:%Y-%m-%d %H:%M:%S}, {until}; {hold.type}, "
        f"{hold.attempts} attempts; {depth} behind it\n    {hold.last_error}"
    )


def _oldest(one: WaitStatus) -> str:
    return "nothing waits" if one.age is None else f"the oldest for {say(one.age)}"


def _facts(one: DestinationStatus) -> list[str]:
    facts = ["a consumer's"] if one.is_consumer else _moving(one)
    if one.paused:
        facts.append(f"{len(one.paused)} PAUSED")
    if one.outage:
        facts.append(f"BROKER AWAY: {one.outage.outage}")
    if one.held:
        facts.append(f"{bounded(one.held)} keys held, {bounded(one.stopped)} of them for a person")
    if one.dead:
        facts.append(f"{bounded(one.dead)} dead letters")
    if one.overdue:
        facts.append(f"{bounded(one.overdue)} overdue")
    return facts


def _moving(one: DestinationStatus) -> list[str]:
    return [
        "NOT CONFIGURED" if one.destination is None else f"order {one.destination.order}",
        f"oldest {say(one.oldest)}" if one.oldest else "nothing waits",
        f"{bounded(one.depth)} unpublished",
        f"{len(one.relays)} relays",
        f"{sum(shard.live for shard in one.shards)} of {len(one.shards)} shards owned",
    ]
