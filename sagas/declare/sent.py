"""What became of a signal that was sent."""

from __future__ import annotations

from enum import StrEnum


class Sent(StrEnum):
    """One that comes too late is told by the error TooLate."""

    TAKEN = "taken"
    """The run waits for it, and goes on."""
    KEPT = "kept"
    """The run does not wait for it yet, or is paused or with an operator; it is taken when its turn comes."""
    DUPLICATE = "duplicate"
    """It came before, under the same id."""
