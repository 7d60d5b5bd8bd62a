"""A rule of an alert, as a project writes it in SAGAS_ALERTS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

LEAST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert begins when the figure has been above `above` for `for_`, and ends when it no longer was for as long."""

    name: str
    """How people and programs call it; at most 60 characters."""
    figure: str
    """One of `sagas/alerts/figures.py`, or the dotted path of a function of yours: see there."""
    above: float
    for_: timedelta
    title: str
    """A few words for the subject of a mail, such as `Runs need a person`."""
    do: str
    """What to do."""
    ends_after: timedelta | None = None
    """For how long it must be over; by default `for_`, and at least a minute."""

    @property
    def is_over_after(self) -> timedelta:
        return self.ends_after if self.ends_after is not None else max(self.for_, LEAST)
