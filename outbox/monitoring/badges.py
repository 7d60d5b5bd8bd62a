"""How a destination looks: an icon, a tone and a word. Meaning never hangs on colour."""

from __future__ import annotations

from typing import NamedTuple

from .alarms import stalls
from .status import Standing


class Face(NamedTuple):
    """`tone` is a class of desk.css: ok, bad, wait, act, calm."""

    icon: str
    tone: str
    text: str


def of(one: Standing) -> Face:
    """What matters most about it, in a word or two."""
    if one.is_consumer:
        return Face("!", "bad", "behind") if stalls([one]) else Face("↓", "calm", "consumer")
    if one.destination is None:
        return Face("!", "bad", "not configured")
    if one.paused:
        whole = len(one.paused) == len(one.shards)
        return Face("❚❚", "wait", "paused" if whole else f"{len(one.paused)} of {len(one.shards)} shards paused")
    if one.outage:
        return Face("!", "bad", "broker away")
    if stalls([one]):
        return Face("!", "bad", "stalled")
    if one.stopped:
        return Face("✋", "act", "waits for a person")
    return Face("✓", "ok", "moving") if one.relays else Face("·", "calm", "no relay, nothing waits")
