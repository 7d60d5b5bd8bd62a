"""What came of asking a participant, as values; `sagas/engine/decide.py` says what follows from each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .. import errors
from ..declare.context import NotApplied


@dataclass(frozen=True, slots=True)
class Done:
    """It happened."""

    result: Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """The business said no."""

    error: errors.Refused


@dataclass(frozen=True, slots=True)
class Later:
    """It surely did not happen; ask again after `delay`."""

    delay: timedelta
    error: errors.RetryAfter


@dataclass(frozen=True, slots=True)
class Awaiting:
    """The participant was asked, and somebody else must act first; look again after `delay`."""

    delay: timedelta
    error: errors.Awaits


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The answer was lost: it may have happened."""

    error: Exception


@dataclass(frozen=True, slots=True)
class LostWorker:
    """The last of all attempts ended with its worker, and nobody was asked again: it may have happened."""

    error: errors.LostAttempts


@dataclass(frozen=True, slots=True)
class OurFailure:
    """Something of ours failed: the database, a hook, what the code did. It says nothing of the participant."""

    error: Exception


Failure = Refusal | Later | Awaiting | NoAnswer | LostWorker | OurFailure
Answer = Done | Failure
Found = Done | NotApplied | None
"""What a probe says: it happened; the participant knows nothing of it; None: no probe, or no answer from it either."""


def answer_to(error: Exception, is_ours: Callable[[Exception], bool]) -> Failure:
    """The answer that an exception stands for: the one place that says so.

    Raises the error itself where `is_ours` says that it tells nothing of the participant.
    """
    match error:
        case errors.Refused():
            return Refusal(error)
        case errors.Awaits():
            return Awaiting(error.delay, error)
        case errors.RetryAfter():
            return Later(error.delay, error)
    if is_ours(error):
        raise error
    return NoAnswer(error)
