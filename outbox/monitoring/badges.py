"""The badge of a destination: an icon, a tone and a word. Colour alone never carries meaning."""

from __future__ import annotations

from typing import NamedTuple

from .alarms import stalls
from .destination_status import DestinationStatus


class Badge(NamedTuple):
    """`tone` is a class of desk.css: ok, bad, wait, act, calm."""

    icon: str
    tone: str
    text: str


def badge_of(one: DestinationStatus) -> Badge:
    """What matters most about the destination, in a word or two."""
    if one.is_consumer:
        return Badge("!", "bad", "behind") if stalls([one]) else Badge("↓", "calm", "consumer")
    if one.destination is None:
        return Badge("!", "bad", "not configured")
    if one.paused:
        whole = len(one.paused) == len(one.shards)
        return Badge("❚❚", "wait", "paused" if whole else f"{len(one.paused)} of {len(one.shards)} shards paused")
    if one.outage:
        return Badge("!", "bad", "broker away")
    if stalls([one]):
        return Badge("!", "bad", "stalled")
    if one.stopped:
        return Badge("✋", "act", "waits for a person")
    return Badge("✓", "ok", "moving") if one.relays else Badge("·", "calm", "no relay, nothing waits")
