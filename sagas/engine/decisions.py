"""What a worker does after a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .run_ready import RunReady

if TYPE_CHECKING:
    from .work import Taken


@dataclass(frozen=True, slots=True)
class GoOn:
    """The link is done, now or before: the chain goes on to the next one."""


@dataclass(frozen=True, slots=True)
class Next:
    """The link is done, and the same commit took the next step, or the next undo, for this worker: carry that out."""

    taken: Taken


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


Verdict = GoOn | Next | Stop | Wait | Turn
GO_ON = GoOn()
STOP = Stop()
