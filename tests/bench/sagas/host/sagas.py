"""Five steps that do nothing, each with an undo; with an event a step, as checkout has them, and without."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from outbox import publish
from sagas import Saga, StepContext, UndoContext

from ..trial import STEPS, act
from .events import StepRecorded


@dataclass(frozen=True, slots=True)
class Trial:
    """The input: which run of the bench it is, and whether three of its steps wait."""

    number: int
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step keeps, of the size of a participant's answer."""

    reference: str


def declare(name: str, *, events: bool) -> Saga[Trial]:
    """A saga of five steps; with `events`, each publishes one in the transaction that records it."""
    saga = Saga[Trial](name, version=1, deadline=timedelta(minutes=30))
    for step in STEPS:
        add_step(saga, step, events=events)
    return saga


def add_step(saga: Saga[Trial], name: str, *, events: bool) -> None:
    def run(ctx: StepContext[Trial]) -> Answer:
        return Answer(act(name, ctx.input.number, ctx.input.slow))

    def undo(_ctx: UndoContext[Trial, Answer]) -> None: ...

    def recorded(ctx: StepContext[Trial], answer: Answer) -> None:
        publish(StepRecorded(ctx.input.number, name, answer.reference), key=f"trial:{ctx.input.number}")

    run.__name__ = name
    step = saga.step(participant="bench", timeout=timedelta(seconds=10))(run)
    step.undo(undo)
    if events:
        step.recorded(recorded)


trial = declare("trial", events=True)
quiet_trial = declare("quiet_trial", events=False)
