"""What follows from an attempt: one rule, for the engine, forwards and backwards, and for who else runs declared steps.

Pure: values go in and a value comes out; no Django, no database, no clock. `participants/answers.py` turns what came of
a call into an `Answer`; who calls `decide` writes down what it says, each decision in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Protocol

from ..declare.context import NotApplied
from ..declare.step import Step
from ..errors import AwaitsRuns, OwnFailure
from ..participants.answers import Answer, Awaiting, Done, Found, Later, NoAnswer, OurFailure, Refusal

Probe = Callable[[], Found]
"""Asks the participant what became of the step. Called at most once for an attempt."""


class Place(Enum):
    """Where a step stands to the point of no return."""

    BEFORE = "before"
    """Also each step of a saga that has no pivot."""
    PIVOT = "pivot"
    AFTER = "after"

    @classmethod
    def of(cls, step: Step[Any, Any]) -> Place:
        """The step's, in its saga."""
        if step.saga.forward_only:
            return cls.AFTER
        pivot = step.saga.pivot_step
        if pivot is None or step.position < pivot.position:
            return cls.BEFORE
        return cls.PIVOT if step.is_pivot else cls.AFTER


class Asked(Protocol):
    """The attempt that has just ended. What costs anything to find out is read only where a row asks for it."""

    @property
    def place(self) -> Place: ...
    @property
    def times(self) -> int:
        """How often the participant may have been asked, this time included."""

    @property
    def held(self) -> bool:
        """All calls to the participant are held, since it is away, and this attempt is one of the reasons."""

    @property
    def delay(self) -> timedelta | None:
        """Until the next attempt, by the step's Retry; None when its budget is spent."""

    @property
    def pause(self) -> timedelta:
        """Until the next attempt where this one costs nothing of the budget."""


# --- What is decided -----------------------------------------------------------------------------------------------


class Cost(Enum):
    """What an attempt that ends in a wait costs."""

    COUNTS = "counts"
    GRANTED = "granted"
    """Nothing of the budget; yet the participant counts as asked."""
    FORGIVEN = "forgiven"
    """Nothing of the budget, and the participant does not count as asked: it surely did not happen."""


class Left(Enum):
    """How a step that is not done is left. The values are those of `sagas.models.StepStatus`."""

    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Record:
    """The step, or its undo, is done."""

    result: Any


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after `delay`."""

    delay: timedelta
    cost: Cost = Cost.COUNTS


@dataclass(frozen=True, slots=True)
class Undo:
    """The run turns around; this step is undone too where it may have happened."""

    left: Left


@dataclass(frozen=True, slots=True)
class Park:
    """A person decides; the run is stuck."""

    left: Left


@dataclass(frozen=True, slots=True)
class PassOver:
    """The run goes on without the step."""

    in_doubt: bool
    """It may have happened all the same: should the run be undone, so is the step."""


@dataclass(frozen=True, slots=True)
class GoForward:
    """The pivot happened after all: a run that was being undone goes forward again."""

    result: Any


# --- The rule ------------------------------------------------------------------------------------------------------


def decide(answer: Answer, asked: Asked, probe: Probe) -> Record | Wait | Undo | Park:
    """What follows from an attempt of a step. A doubt that the probe may settle is never guessed."""
    match answer:
        case Done(result):
            return Record(result)
        case Later() | Awaiting() | OurFailure():
            return _put_off(answer, asked)
        case Refusal():
            return _refused(asked, probe)
        case NoAnswer() if asked.held:
            return _if_done(probe()) or Wait(asked.pause, Cost.GRANTED)
        case NoAnswer() if (delay := asked.delay) is not None:
            return Wait(delay)
    doubt = Undo(Left.IN_DOUBT) if asked.place is Place.BEFORE else Park(Left.IN_DOUBT)
    return _if_done(probe()) or doubt


def decide_best_effort(answer: Answer, asked: Asked, probe: Probe) -> Record | Wait | PassOver:
    """What follows from an attempt of a step of best effort, wherever it stands. `asked.delay` counts each attempt.

    That the participant is away holds the run no longer than any other failure does.
    """
    match answer:
        case Done(result):
            return Record(result)
        case Awaiting() | OurFailure():
            return _put_off(answer, asked)
        case Refusal() | Later() if asked.times <= 1 and (isinstance(answer, Refusal) or asked.delay is None):
            return PassOver(in_doubt=False)
        case Later(least) if (delay := asked.delay) is not None:
            return Wait(max(least, delay), Cost.FORGIVEN)
        case NoAnswer() if (delay := asked.delay) is not None:
            return Wait(delay)
    found = probe()
    return _if_done(found) or PassOver(in_doubt=not isinstance(found, NotApplied))


def decide_undo(answer: Answer, asked: Asked) -> Record | Wait | Park:
    """What follows from an attempt of an undo; `asked` has the undo's own Retry. An undo waits for nobody to act, but
    for runs that its step has started.
    """
    match answer:
        case Done(result):
            return Record(result)
        case Later() | OurFailure() | Awaiting(error=AwaitsRuns()):
            return _put_off(answer, asked)
        case Awaiting(recheck):
            return Wait(recheck, Cost.FORGIVEN)
        case Refusal():
            return Park(Left.REFUSED)
        case NoAnswer() if asked.held:
            return Wait(asked.pause, Cost.GRANTED)
        case NoAnswer() if (delay := asked.delay) is not None:
            return Wait(delay)
    return Park(Left.IN_DOUBT)


def decide_doubtful_pivot(found: Found) -> Record | GoForward | Park:
    """What follows for a run that a person has undone while its pivot is in doubt, from what the pivot's probe says."""
    match found:
        case Done(result):
            return GoForward(result)
        case NotApplied():
            return Record(None)
    return Park(Left.IN_DOUBT)


def _put_off(answer: Later | Awaiting | OurFailure, asked: Asked) -> Wait:
    """Nothing was refused and nothing was lost: it comes again, and costs nothing of the budget."""
    match answer:
        case Later(delay):
            return Wait(delay, Cost.FORGIVEN)
        case Awaiting(delay):
            return Wait(delay, Cost.GRANTED)
        case OurFailure():
            return Wait(asked.pause, Cost.GRANTED)


def _refused(asked: Asked, probe: Probe) -> Record | Undo | Park:
    """A no turns the run; after the pivot a person decides. After a lost answer the pivot's no alone is no proof."""
    if asked.place is Place.AFTER:
        return Park(Left.REFUSED)
    if asked.place is Place.BEFORE or asked.times <= 1:
        return Undo(Left.REFUSED)
    found = probe()
    doubt = Undo(Left.REFUSED) if isinstance(found, NotApplied) else Park(Left.IN_DOUBT)
    return _if_done(found) or doubt


def _if_done(found: Found) -> Record | None:
    """It is only the participant's answers that do not reach us."""
    return Record(found.result) if isinstance(found, Done) else None


# --- When a person is asked as well --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a step, or an undo, that waits for its next attempt has failed."""

    counted: int
    """Attempts that count against the budget."""
    forgiven: int
    own: int
    """By failures of our own."""
    endless: bool
    """It is tried until it is done."""
    onward: bool
    """It cannot turn any more: no deadline ends it."""


def needs_person(answer: Answer, wait: Wait, asked: Asked, failures: Failures, most: int) -> bool:
    """Whether a person should know of a step that is still being tried, after `most` failures.

    That a participant is away they see anyway.
    """
    match answer:
        case OurFailure(error):
            return failures.own >= most or (isinstance(error, OwnFailure) and error.at_once)
        case _ if wait.cost is Cost.COUNTS:
            return failures.endless and failures.counted >= most
        case _ if wait.cost is Cost.FORGIVEN:
            return failures.onward and failures.forgiven >= most and not asked.held
    return False
