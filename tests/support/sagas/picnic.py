"""A saga with best effort before and behind its pivot: pack, decorate, invite (local), set_off (pivot), wave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sagas import NotApplied, Retry, Saga, StepContext, UndoContext

QUICK = Retry(attempts=3, first=timedelta(milliseconds=20), longest=timedelta(milliseconds=50))


@dataclass(frozen=True)
class Picnic:
    """The input."""

    where: str


picnic = Saga[Picnic]("picnic", version=1)
told: list[str] = []
"""What the steps were told of each other."""


@picnic.step(undo=None)
def pack(ctx: StepContext[Picnic]) -> str:
    return "a basket"


@picnic.step(best_effort=True, participant="florist", retry=QUICK)
def decorate(ctx: StepContext[Picnic]) -> str:
    return "flowers"


@decorate.undo
def take_down(ctx: UndoContext[Picnic, str]) -> None:
    told.append(f"taken down: {ctx.result}")


@decorate.probe
def find_flowers(ctx: StepContext[Picnic]) -> str | NotApplied:
    return NotApplied()


@picnic.step(best_effort=True, local=True, undo=None, retry=QUICK)
def invite(ctx: StepContext[Picnic]) -> str:
    if ctx.input.where == "nowhere":
        raise RuntimeError("no address")
    return "a letter"


@picnic.pivot(participant="railway")
def set_off(ctx: StepContext[Picnic]) -> str:
    return f"with {ctx.result_of(decorate)} and {ctx.result_of(invite)}"


@picnic.step(best_effort=True, participant="florist", retry=QUICK)
def wave(ctx: StepContext[Picnic]) -> None:
    told.append("waved")
