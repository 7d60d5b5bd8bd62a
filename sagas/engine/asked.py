"""What the rule asks of an attempt that has just ended, read off the step that this worker has claimed."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import Error as DatabaseError

from outbox.consuming import failures

from ..errors import LeaseLost, LostAttempts, OwnFailure
from ..participants.answers import Answer, Done, Later, LostWorker, OurFailure
from ..participants.calls import answered, is_held, settled
from .decide import Place
from .work import ClaimedStep

logger = logging.getLogger(__name__)
SOONEST = timedelta(seconds=1)
"""Minimum delay before a participant is asked again."""


def is_ours(error: Exception) -> bool:
    """Whether it says nothing of the participant, whoever raises it: our database, a hook, a misuse, a lost lease."""
    return isinstance(error, DatabaseError | OwnFailure | LeaseLost)


def lost_worker(work: ClaimedStep) -> LostWorker:
    """The answer of a step whose last attempt ended with its worker; the participant is not asked again."""
    settled(work.admission, answered=None)
    return LostWorker(LostAttempts(work.claim.number - 1))


def log_failure(event: str, work: ClaimedStep, error: Exception) -> None:
    """Log a failed attempt in one line, with a traceback only where the error says nothing of the participant."""
    expected = answered(error) is not None or isinstance(error, LostAttempts)
    stack = None if expected else failures.stack_of(error)
    logger.warning(event, exc_info=stack, extra={**work.facts, "error": f"{type(error).__qualname__}: {error}"})


def log_turned_away(work: ClaimedStep, answer: Later) -> None:
    """Log an attempt that was surely not applied. Its text may be the participant's, who may quote a key of ours."""
    facts = {"error": type(answer.error).__qualname__, "delay_s": round(answer.delay.total_seconds(), 2)}
    logger.info("saga.turned_away", extra={**work.facts, **facts})


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt and its answer, as `decide.Asked`."""

    work: ClaimedStep
    answer: Answer

    @property
    def place(self) -> Place:
        return Place.of(self.work.step)

    @property
    def times(self) -> int:
        return self.work.asked

    @property
    def held(self) -> bool:
        return not isinstance(self.answer, Done) and is_held(self.work.step.participant, self.answer.error)

    @property
    def delay(self) -> timedelta | None:
        return self.work.retry.delay_after(self.work.counted, roll=random.random())

    @property
    def pause(self) -> timedelta:
        """By the Retry as though it had no limit."""
        attempt = self.work.asked if isinstance(self.answer, OurFailure) else self.work.counted
        return replace(self.work.retry, attempts=None).delay_after(attempt, roll=random.random()) or SOONEST
