"""What can go wrong with a fault, each class saying what happens next."""

from __future__ import annotations


class FaultsError(Exception):
    """Nothing was switched; the text says why, and what to do."""


class PanelOff(FaultsError):
    """Faults are not for this installation."""


class StandinsAway(FaultsError):
    """The stand-ins do not answer, or not as they should: start them, then try again."""


class NoSuchFault(FaultsError):
    """No company, no operation or no kind of fault goes by that name; the text lists those that there are."""
