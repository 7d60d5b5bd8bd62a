"""The status of each destination: what waits, which relays carry it, and what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .. import settings, sql
from ..publishing import destinations
from ..publishing.destinations import Destination
from ..relay import lookback
from ..sql import RelayRow, ShardRow

COUNTED = 1000  # counting further would read too many rows


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """One destination. Counts end at 1000."""

    name: str
    destination: Destination | None
    """None: it is in the tables, and OUTBOX_DESTINATIONS no longer names it."""
    oldest: timedelta | None
    """How long the oldest unpublished message has waited; None when none waits."""
    depth: int
    """How many messages are unpublished."""
    held: int
    """How many keys wait because their first message failed."""
    stopped: int
    """How many of the held keys wait for a person."""
    dead: int
    overdue: int
    """How many open deliveries are overdue, counting only the first of each key."""
    overdue_for: timedelta | None
    """How long the first of them has been overdue."""
    relays: tuple[RelayRow, ...]
    """The living relays."""
    shards: tuple[ShardRow, ...]

    @property
    def is_consumer(self) -> bool:
        """Whether this is a consumer of another service's stream, `<stream>/<group>`, and no destination."""
        return self.destination is None and not self.depth and "/" in self.name

    @property
    def paused(self) -> tuple[ShardRow, ...]:
        """The shards that a person has paused."""
        return tuple(shard for shard in self.shards if shard.paused)

    @property
    def unowned(self) -> tuple[ShardRow, ...]:
        """The shards that no relay owns and nobody has paused."""
        return tuple(shard for shard in self.shards if not shard.live and not shard.paused)

    @property
    def outage(self) -> RelayRow | None:
        """The relay whose broker has been away the longest; None when all brokers answer."""
        away = [relay for relay in self.relays if relay.outage]
        return max(away, key=lambda relay: relay.outage_for or timedelta(0), default=None)

    @property
    def is_late(self) -> bool:
        """Whether a message waits longer than is healthy."""
        return self.destination is not None and self.oldest is not None and self.oldest > self.destination.max_age


def read_unnamed_dead() -> int:
    """How many dead letters name no destination, as those of another service's messages; up to 1000."""
    return sql.count_dead_letters(COUNTED).get("", 0)


def read_statuses() -> list[DestinationStatus]:
    """All destinations: the configured ones in their order, then those that only the tables know."""
    known = {one.name: one for one in destinations.configured()}
    since, shards = lookback.messages.since(), sql.shards_by_destination()
    ages = sql.unpublished_ages(since, list(known))
    held, dead, overdue = (
        sql.count_held_keys(COUNTED),
        sql.count_dead_letters(COUNTED),
        sql.count_overdue(COUNTED, lookback.deliveries.since()),
    )
    found = sorted({*ages, *held, *dead, *overdue} - {"", *known})
    names = [*known, *found]
    depths, relays = sql.count_unpublished(names, COUNTED, since), sql.relays(settings.lease())
    return [
        DestinationStatus(
            name=name,
            destination=known.get(name),
            oldest=ages.get(name),
            depth=depths[name],
            held=held.get(name, (0, 0))[0],
            stopped=held.get(name, (0, 0))[1],
            dead=dead.get(name, 0),
            overdue=overdue[name][0] if name in overdue else 0,
            overdue_for=overdue[name][1] if name in overdue else None,
            relays=tuple(relay for relay in relays if name in relay.destinations),
            shards=tuple(shards.get(name, ())),
        )
        for name in names
    ]
