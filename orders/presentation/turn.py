"""How many are ahead of an order, a trip or a return that no worker has taken up, once that is worth a word.

An order is usually taken up within a blink, and a page that says so for a blink only flickers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sagas.presentation.queue import Place, queue

from .. import wording

NOTICED = timedelta(seconds=1)
"""Whoever has waited this long is told."""
LONG = 2.0
"""Seconds; whoever is to wait this long is told at once."""


def of(since: datetime | None) -> Place | None:
    """The place in the queue of what has waited since then; None for what does not wait, or waits behind nobody, or so
    shortly that nobody notices."""
    place = queue.place_of(since)
    if place is None or not place.ahead:
        return None
    return place if place.waited >= NOTICED or (place.seconds or 0) >= LONG else None


def words(since: datetime | None) -> str:
    """The same in a sentence; empty for None."""
    place = of(since)
    return "" if place is None else said(place)


def said(place: Place) -> str:
    """A place in a sentence."""
    return wording.turn(place.ahead, place.seconds, more=place.is_long)


def pause(place: Place) -> str:
    """How long an open page waits before it asks again: the longer the queue, the more pages ask."""
    if place.seconds is None:
        return "5s"
    return "2s" if place.seconds < 20 else "5s" if place.seconds < 60 else "10s"


def as_json(since: datetime | None) -> dict[str, object] | None:
    """The same for the API: `ahead`, and `seconds`, which is null while nobody knows."""
    place = of(since)
    if place is None:
        return None
    return {"ahead": place.ahead, "seconds": None if place.seconds is None else round(place.seconds)}
