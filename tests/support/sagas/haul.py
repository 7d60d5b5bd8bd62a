"""A saga with a step that takes long: carry says after each stone how many it has carried; then rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sagas import Saga, StepContext
from sagas.models import Run
from tests.support.sagas.driver import link


@dataclass(frozen=True)
class Stones:
    """The input."""

    number: int


haul = Saga[Stones]("haul", version=1)
after_each: list[Callable[[int], None]] = []
"""Called after each stone, with how many are carried."""


@haul.step(undo=None, participant="porter", timeout=timedelta(seconds=1), beats=True)
def carry(ctx: StepContext[Stones]) -> str:
    begun = int(ctx.last_note or "0")
    for stone in range(begun + 1, ctx.input.number + 1):
        ctx.heartbeat(stone / ctx.input.number, str(stone))
        for call in after_each:
            call(stone)
    return f"from {begun}"


@haul.step(undo=None)
def rest(ctx: StepContext[Stones]) -> None:
    ctx.heartbeat(note="not declared") if ctx.input.number == 13 else None


def carry_once(run_id: str) -> None:
    """What a worker does with the message of the first step."""
    from sagas.engine import executor

    executor.run_step(link(Run.objects.get(pk=run_id), "carry"))
