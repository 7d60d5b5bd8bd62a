"""What a worker does after a link."""

from __future__ import annotations

from dataclasses import dataclass

from .dispatch import RunReady


@dataclass(frozen=True, slots=True)
class GoOn:
    """The link is done, now or before: the chain goes on to the next one."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The chain ends here: somebody else has the run, or nobody need have it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back to this link after `seconds`."""

    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """The chain ends here and another one takes its place: the run's undo."""

    to: RunReady


Verdict = GoOn | Stop | Wait | Turn
GO_ON = GoOn()
STOP = Stop()
