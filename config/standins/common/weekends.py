"""The days of the seeded trips: the airline and the hotels must offer the same ones."""

from __future__ import annotations

from datetime import date, timedelta

AHEAD = timedelta(weeks=5)
FRIDAY = 4


def weekend(today: date) -> date:
    """The first Friday five weeks or more from `today`."""
    soon = today + AHEAD
    return soon + timedelta(days=(FRIDAY - soon.weekday()) % 7)
