"""Pause a destination, or some of its shards, and resume it. Messages written meanwhile wait."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from .. import doorbell, sql
from ..errors import OutboxError
from ..models import Shard
from ..publishing.destinations import SHARDS
from .audit import Actor, name_of, record, required_reason


class NoSuchShard(OutboxError):
    """The destination or the shard does not exist; nothing was done."""


def pause(destination: str, shards: Sequence[int] | None = None, *, actor: Actor, reason: str) -> int:
    """Stop publishing to the destination, or from these shards of it. Returns how many were not paused yet.

    A batch that a relay is publishing still goes out. While all shards are paused, nothing is redelivered either.
    Raises ReasonMissing and NoSuchShard.
    """
    why, which = required_reason(reason), _known(destination, shards)
    with transaction.atomic():
        paused = sql.pause(destination, which, name_of(actor), why)
        if paused:
            record(actor, _first(destination, which), f"Paused {_spoken(destination, which)}: {why}")
    return paused


def resume(destination: str, shards: Sequence[int] | None = None, *, actor: Actor, reason: str) -> int:
    """Publish again. Returns how many shards were paused. Raises ReasonMissing and NoSuchShard."""
    why, which = required_reason(reason), _known(destination, shards)
    with transaction.atomic():
        resumed = sql.resume(destination, which)
        if resumed:
            record(actor, _first(destination, which), f"Resumed {_spoken(destination, which)}: {why}")
        transaction.on_commit(doorbell.ring)
    return resumed


def _known(destination: str, shards: Sequence[int] | None) -> list[int]:
    """The shards that are meant.

    Writes the rows of a configured destination, so that it can be paused before a relay runs.
    """
    from ..publishing import destinations  # read when used: tests override settings

    names = {one.name for one in destinations.configured()}
    if destination in names:
        sql.make_shards(destination, SHARDS)
    elif not Shard.objects.filter(destination=destination).exists():
        raise NoSuchShard(f"No destination is named {destination}. There are: {', '.join(sorted(names))}.")
    which = sorted(set(range(SHARDS) if shards is None else shards))
    if not which or not set(which) <= set(range(SHARDS)):
        raise NoSuchShard(f"The shards of {destination} are numbered from 0 to {SHARDS - 1}.")
    return which


def _first(destination: str, shards: Sequence[int]) -> Shard:
    return Shard.objects.get(destination=destination, shard=shards[0])


def _spoken(destination: str, shards: Sequence[int]) -> str:
    if len(shards) == SHARDS:
        return destination
    return f"{destination}, shard{'s' if len(shards) > 1 else ''} {', '.join(map(str, shards))}"
