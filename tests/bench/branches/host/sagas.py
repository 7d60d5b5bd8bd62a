"""Three steps of 50 ms side by side and in a row, three ways to wait, and a step for each item."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sagas import Saga, StepContext

PAUSE = 0.05  # seconds that a step waits for its participant
STEPS = ("book_flight", "book_hotel", "rent_car")
LONG = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Trial:
    """The input: which run of the bench it is."""

    number: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of a run with items."""

    items: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a signal or a person says; nobody does here."""

    reference: str


def declare(name: str, **after: Any) -> Saga[Trial]:
    """A saga of three steps that wait for their participant; `after=[]` has them stand side by side."""
    saga = Saga[Trial](name, deadline=timedelta(minutes=30))
    for step in STEPS:
        add_step(saga, step, **after)
    return saga


def add_step(saga: Saga[Trial], name: str, **after: Any) -> None:
    def run(ctx: StepContext[Trial]) -> str:
        time.sleep(PAUSE)
        return f"{name}_{ctx.input.number}"

    run.__name__ = name
    saga.step(participant="bench", undo=None, **after)(run)


in_a_row = declare("in_a_row")
side_by_side = declare("side_by_side", after=[])

waits_for_date = Saga[Trial]("waits_for_date")


@waits_for_date.wait(for_=LONG)
def until_departure(_ctx: StepContext[Trial]) -> str:
    return "leaves in a month"


waits_for_signal = Saga[Trial]("waits_for_signal")
answered = waits_for_signal.signal("answered", Answer, within=LONG, else_=Answer("none"))

waits_for_person = Saga[Trial]("waits_for_person")
approved = waits_for_person.approval("approved", Answer, group="bench", within=LONG, else_=Answer("none"))

WAITING = (waits_for_date, waits_for_signal, waits_for_person)

with_items = Saga[Batch]("with_items", deadline=timedelta(minutes=30))


def numbers(batch: Batch) -> list[int]:
    return list(range(batch.items))


@with_items.each(numbers, undo=None)
def note_item(ctx: StepContext[Batch]) -> int:
    return int(ctx.item)
