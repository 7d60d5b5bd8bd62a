"""What a worker's task does after a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .run_ready import RunReady

if TYPE_CHECKING:
    from .work import ClaimedStep


@dataclass(frozen=True, slots=True)
class Continue:
    """The step is done, now or before: the chain goes on to the next one."""


@dataclass(frozen=True, slots=True)
class RunNext:
    """The step is done, and its commit claimed the next step, or the next undo, for this worker: carry that out."""

    work: ClaimedStep


@dataclass(frozen=True, slots=True)
class Stop:
    """The chain ends here: somebody else has the run, or nobody need have it."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The step is done, and the run waits for any worker to take it further."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Come back to this step after `seconds`."""

    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class SwitchChain:
    """The chain ends here and another one takes its place: the run's undo, or its way forward again."""

    to: RunReady


Continuation = Continue | RunNext | Stop | Queued | RetryIn | SwitchChain
CONTINUE = Continue()
STOP = Stop()
QUEUED = Queued()
