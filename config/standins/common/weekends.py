"""When the seeded trips take place: both travel companies must speak of the same days."""

from __future__ import annotations

from datetime import date, timedelta

AHEAD = timedelta(weeks=5)
FRIDAY = 4


def weekend(today: date) -> date:
    """The first Friday five weeks or more from `today`."""
    soon = today + AHEAD
    return soon + timedelta(days=(FRIDAY - soon.weekday()) % 7)
