"""Sagas whose steps stand side by side, or are carried out for each item, over the participant of `voyage`."""

from __future__ import annotations

from datetime import timedelta

from sagas import Retry, Saga, StatusChange, StepContext, UndoContext
from sagas.declare.step import Step

from . import voyage
from .voyage import QUICK, Voyage

#   hire ─┬─ fill_water ───┬─ set_sail (pivot) ─┬─ hoist_flag ─┬─ write_log
#         ├─ fill_food ─┐  │                    └─ fire_salute ┘
#         └─ load_ship ─┴─ trim ┘
fleet = Saga[Voyage]("fleet", version=1, deadline=timedelta(minutes=5))


def undoing(saga: Saga[Voyage], step: Step[Voyage, str]) -> None:
    """Declare an undo that says `un_<step>`."""
    name = step.name

    def undo(ctx: UndoContext[Voyage, str]) -> None:
        voyage.sea.call(f"un_{name}", ctx.step_key, undoes=name)

    step.undo(undo)


@fleet.step(retry=QUICK, undo_retry=QUICK)
def hire(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("hire", ctx.key)


@fleet.step(after=[hire], retry=QUICK, undo_retry=QUICK)
def fill_water(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("fill_water", ctx.key) + f" by {ctx.input.captain}, {ctx.result_of(hire)}"


@fill_water.recorded
def water_filled(ctx: StepContext[Voyage], result: str) -> None:
    voyage.sea.told.append(f"{ctx.run_id}: {result}")


@fleet.step(after=[hire], retry=QUICK, undo_retry=QUICK)
def fill_food(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("fill_food", ctx.key)


@fleet.step(after=[hire], retry=QUICK, undo_retry=QUICK)
def load_ship(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("load_ship", ctx.key)


@fleet.step(after=[fill_food, load_ship], retry=QUICK, undo_retry=QUICK)
def trim(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("trim", ctx.key) + f" after {ctx.result_of(load_ship)}"


@fleet.pivot(retry=QUICK)
def set_sail(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("set_sail", ctx.key) + f": {ctx.result_of(trim)}"


@fleet.step(after=[set_sail], retry=QUICK)
def hoist_flag(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("hoist_flag", ctx.key)


@fleet.step(after=[set_sail], retry=QUICK)
def fire_salute(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("fire_salute", ctx.key)


@fleet.step(after=[hoist_flag, fire_salute], retry=QUICK)
def write_log(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("write_log", ctx.key) + f": {ctx.result_of(hoist_flag)}"


for one in (hire, fill_water, fill_food, load_ship, trim):
    undoing(fleet, one)


@fleet.status_changed
def fleet_told(change: StatusChange[Voyage]) -> None:
    voyage.sea.told.append(f"{change.key} {change.after} {change.step}".strip())


# --- One for each item ----------------------------------------------------------------------------------------------

convoy = Saga[Voyage]("convoy", version=1)


@convoy.step(retry=QUICK, undo_retry=QUICK)
def rent_quay(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call("rent_quay", ctx.key)


undoing(convoy, rent_quay)


@convoy.each(lambda input: input.crates, at_once=2, retry=QUICK, undo_retry=QUICK)
def load(ctx: StepContext[Voyage]) -> str:
    return voyage.sea.call(f"load {ctx.item}", ctx.key) + f" at {ctx.result_of(rent_quay)}"


@load.undo
def unload(ctx: UndoContext[Voyage, str]) -> None:
    voyage.sea.call(f"unload {ctx.item}", ctx.step_key, undoes=f"load {ctx.item}")


@convoy.pivot(retry=QUICK)
def depart(ctx: StepContext[Voyage]) -> list[str]:
    voyage.sea.call("depart", ctx.key)
    return ctx.result_of(load)


@convoy.each(lambda input: input.crates, retry=Retry(attempts=2, first=timedelta(milliseconds=1)))
def declare_crate(ctx: StepContext[Voyage]) -> None:
    voyage.sea.call(f"declare {ctx.item}", ctx.key)
