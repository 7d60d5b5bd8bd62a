"""Sagas with children and branches, over a hand-written fake participant that remembers what happened when."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sagas import Ended, Refused, Retry, Saga, StatusChange, StepContext, UndoContext

QUICK = Retry(attempts=3, first=timedelta(milliseconds=20), longest=timedelta(milliseconds=50))


@dataclass
class Sea:
    """What really happened, in order, and what is to go wrong next. One for each test."""

    log: list[str] = field(default_factory=list)
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    applied: set[str] = field(default_factory=set)
    faults: dict[str, list[Exception | Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))
    told: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, name: str, key: str, *, undoes: str = "") -> str:
        with self.lock:
            self.keys[name].add(key)
            fault = self.faults[name].pop(0) if self.faults[name] else None
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            fault()
        with self.lock:
            self.log.append(name)
            self.applied.discard(undoes) if undoes else self.applied.add(name)
        return f"{name} done"


sea = Sea()


@dataclass(frozen=True)
class Cargo:
    what: str


@dataclass(frozen=True)
class Voyage:
    captain: str
    crates: tuple[str, ...] = ()


# --- A child --------------------------------------------------------------------------------------------------------

supply = Saga[Cargo]("supply", version=1)


@supply.step(retry=QUICK, undo_retry=QUICK)
def order_goods(ctx: StepContext[Cargo]) -> str:
    return sea.call("order_goods", ctx.key)


@order_goods.undo
def return_goods(ctx: UndoContext[Cargo, str]) -> None:
    sea.call("return_goods", ctx.step_key, undoes="order_goods")


@supply.step(retry=QUICK, undo_retry=QUICK)
def load_goods(ctx: StepContext[Cargo]) -> str:
    return sea.call("load_goods", ctx.key)


@load_goods.undo
def unload_goods(ctx: UndoContext[Cargo, str]) -> None:
    sea.call("unload_goods", ctx.step_key, undoes="load_goods")


@supply.status_changed
def supply_told(change: StatusChange[Cargo]) -> None:
    sea.told.append(f"supply {change.after}")


voyage = Saga[Voyage]("voyage", version=1, deadline=timedelta(minutes=5))


@voyage.step(retry=QUICK, undo_retry=QUICK)
def hire_crew(ctx: StepContext[Voyage]) -> str:
    return sea.call("hire_crew", ctx.key)


@hire_crew.undo
def dismiss_crew(ctx: UndoContext[Voyage, str]) -> None:
    sea.call("dismiss_crew", ctx.step_key, undoes="hire_crew")


@voyage.child(supply)
def get_supplies(ctx: StepContext[Voyage]) -> Cargo:
    sea.call("get_supplies", ctx.key)
    return Cargo(f"rum for {ctx.input.captain}")


@voyage.pivot(retry=QUICK)
def set_sail(ctx: StepContext[Voyage]) -> str:
    ended: Ended = ctx.result_of(get_supplies)
    return sea.call("set_sail", ctx.key) + f" with {ended.result_of(load_goods)}"


@voyage.step(retry=QUICK)
def write_log(ctx: StepContext[Voyage]) -> str:
    return sea.call("write_log", ctx.key)


@voyage.status_changed
def voyage_told(change: StatusChange[Voyage]) -> None:
    sea.told.append(f"voyage {change.after}")


# --- A child with a pivot, which only the parent's own undo takes back ----------------------------------------------

sale = Saga[Cargo]("sale", version=1)


@sale.pivot(retry=QUICK)
def sell(ctx: StepContext[Cargo]) -> str:
    return sea.call("sell", ctx.key)


trade = Saga[Voyage]("trade", version=1)


@trade.child(sale, key=lambda cargo: f"sale:{cargo.what}")
def sell_cargo(ctx: StepContext[Voyage]) -> Cargo:
    return Cargo(ctx.input.captain)


@sell_cargo.undo
def buy_back(ctx: UndoContext[Voyage, Ended]) -> None:
    assert ctx.result is not None
    sea.call(f"buy_back {ctx.result.result_of(sell)}", ctx.step_key, undoes="sell")


@trade.step(undo=None, retry=QUICK)
def bank_money(ctx: StepContext[Voyage]) -> None:
    sea.call("bank_money", ctx.key)


__all__ = ["Refused", "sea", "voyage"]
