"""How a participant is asked: through the breaker and the limits that the sagas use, so that both see one outage."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from outbox.consuming import failures
from outbox.messages import codec
from sagas import Retry, Step, StepContext, Unavailable
from sagas.engine.decide import Cost, Place, Wait
from sagas.participants import calls
from sagas.participants.answers import Answer, Awaiting, Done, Failure, Found, NoAnswer
from sagas.participants.breaker import Admission, admit
from sagas.participants.lookup import breakers, is_unconcerned

from ..models import Journey
from ..sagas import Checkout

C = TypeVar("C")

MARGIN = timedelta(seconds=5)
"""Beyond a step's timeout: for how long a slot or a trial is ours."""
SOONEST = timedelta(seconds=1)


def admission(step: Step[Checkout, Any], order_id: UUID) -> Admission:
    """Whether the participant takes a call now. Give it to `call`, or to `unused`."""
    return admit("" if _asks_nobody(order_id, step) else step.participant, (step.timeout + MARGIN).total_seconds())


def _asks_nobody(order_id: UUID, step: Step[Checkout, Any]) -> bool:
    """Whether the step asks its participant nothing for this order, as in a saga's run."""
    if step.unless is None or is_unconcerned(step.participant):
        return False
    journey = Journey.objects.only("input").filter(pk=order_id).first()
    return journey is not None and step.unless(codec.decode(Checkout, journey.input))


def unused(admitted: Admission) -> None:
    """The call is not made."""
    calls.settled(admitted, answered=None)


def call(admitted: Admission, function: Callable[[C], Any], context: C) -> Answer:
    """Make the call; returns what came of it. Raises what we failed in ourselves, which the outbox forgives."""
    return calls.ask(admitted, function, context, failures.is_infrastructure)


def is_theirs(error: Exception) -> bool:
    """Whether the participant failed, or the way to it; else we did."""
    return calls.answered(error) is not None


def hold(step: Step[Any, Any]) -> timedelta:
    """How long the calls to the participant are held from now on."""
    return max(timedelta(seconds=breakers.of(step.participant).left), SOONEST)


def probe(step: Step[Any, Any], context: StepContext[Any]) -> Found:
    """What the participant says became of the call. Raises what we failed in ourselves."""
    return calls.probe(step, context, failures.is_infrastructure)


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt and its answer, as the rule asks for them: see `sagas/engine/decide.py`."""

    step: Step[Any, Any]
    retry: Retry
    number: int
    """Of the message's attempts."""
    times: int
    answer: Answer

    @property
    def place(self) -> Place:
        return Place.of(self.step)

    @property
    def held(self) -> bool:
        return not isinstance(self.answer, Done) and calls.is_held(self.step.participant, self.answer.error)

    @property
    def delay(self) -> timedelta | None:
        return self.retry.delay_after(self.number, roll=0)

    @property
    def pause(self) -> timedelta:
        return hold(self.step)


def delay_of(wait: Wait, answer: Failure) -> timedelta:
    """How long the wait takes: those who were turned away together do not return together."""
    if wait.cost is Cost.FORGIVEN:
        return max(wait.delay, SOONEST) * (1 + random.random() / 4)
    return max(wait.delay, SOONEST) if isinstance(answer, Awaiting) else wait.delay


def is_away(wait: Wait, answer: Failure) -> bool:
    """Whether the step waits for its participant to be back."""
    if isinstance(answer, NoAnswer):
        return wait.cost is Cost.GRANTED  # it is held
    return isinstance(answer.error, Unavailable)
