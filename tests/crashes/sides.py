"""Sagas that start runs, over the ledger in files: `sides` has steps side by side, `brood` a child and items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sagas import Retry, Saga, StepContext, UndoContext
from sagas.declare.step import Step

from .odd import SOON, ledger


@dataclass(frozen=True)
class Tour:
    name: str
    stops: tuple[str, ...] = ("rome", "oslo", "bern")


def undone_by_key(step: Step[Any, Any]) -> None:
    @step.undo
    def undo(ctx: UndoContext[Any, Any]) -> None:
        ledger().undo(ctx.step_key)


sides = Saga[Tour]("crash_sides", version=1)


@sides.step(retry=SOON, undo_retry=SOON)
def pack(ctx: StepContext[Tour]) -> str:
    ledger().do(ctx.key)
    return ctx.key


@sides.step(after=[pack], retry=SOON, undo_retry=SOON)
def call_taxi(ctx: StepContext[Tour]) -> str:
    ledger().do(ctx.key)
    return ctx.key


@sides.step(after=[pack], retry=SOON, undo_retry=SOON)
def find_keys(ctx: StepContext[Tour]) -> str:
    ledger().do(ctx.key)
    return ctx.key


@sides.step(after=[find_keys], retry=SOON, undo_retry=SOON)
def lock_door(ctx: StepContext[Tour]) -> str:
    assert ledger().has(ctx.result_of(find_keys))
    ledger().do(ctx.key)
    return ctx.key


@sides.pivot(retry=SOON)
def leave(ctx: StepContext[Tour]) -> str:
    assert all(ledger().has(ctx.result_of(step)) for step in (call_taxi, find_keys, lock_door))
    ledger().do(ctx.key)
    return ctx.key


visit = Saga[Tour]("crash_visit", version=1)


@visit.step(retry=SOON, undo_retry=SOON)
def ring_bell(ctx: StepContext[Tour]) -> str:
    ledger().do(ctx.key)
    return ctx.key


@visit.step(retry=SOON, undo_retry=SOON)
def go_in(ctx: StepContext[Tour]) -> str:
    ledger().do(ctx.key)
    return ctx.key


brood = Saga[Tour]("crash_brood", version=1)


@brood.child(visit, retry=SOON, undo_retry=SOON)
def visit_ann(ctx: StepContext[Tour]) -> Tour:
    return Tour("ann")


@brood.each(lambda tour: tour.stops, at_once=2, retry=SOON, undo_retry=SOON)
def write_card(ctx: StepContext[Tour]) -> str:
    ledger().do(ctx.key)
    return f"{ctx.key} to {ctx.item}"


@brood.pivot(retry=Retry(attempts=5, first=timedelta(milliseconds=100)))
def go_home(ctx: StepContext[Tour]) -> int:
    ledger().do(ctx.key)
    return len(ctx.result_of(write_card))


for one in (pack, call_taxi, find_keys, lock_door, ring_bell, go_in, write_card):
    undone_by_key(one)
