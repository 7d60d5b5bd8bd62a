"""A saga of the tests' own over a hand-written fake participant: fetch, wrap, pay (pivot), deliver."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sagas import Awaits, NotApplied, Retry, Saga, StatusChange, StepContext, UndoContext


@dataclass(frozen=True)
class Errand:
    """The input."""

    what: str


@dataclass
class World:
    """What really happened, and what is to go wrong next. One for each test, through the fixture `world`."""

    log: list[str] = field(default_factory=list)
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    applied: set[str] = field(default_factory=set)
    faults: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    recorded: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    awaited: list[object] = field(default_factory=list)

    def call(self, name: str, key: str, *, undoes: str = "") -> str:
        """One call to the participant, going as `faults` says: an exception before it is applied, or ("after", one)."""
        self.keys[name].add(key)
        fault = self.faults[name].pop(0) if self.faults[name] else None
        if isinstance(fault, Exception):
            raise fault
        if callable(fault):
            fault()
        self.log.append(name)
        self.applied.discard(undoes) if undoes else self.applied.add(name)
        if isinstance(fault, tuple):
            raise fault[1]
        return f"{name} of {key[-8:]}"


world = World()
QUICK = Retry(attempts=3, first=timedelta(milliseconds=20), longest=timedelta(milliseconds=50))

errand = Saga[Errand]("errand", version=1, deadline=timedelta(minutes=5))


@errand.step(participant="shop", timeout=timedelta(seconds=2), retry=QUICK, undo_retry=QUICK)
def fetch(ctx: StepContext[Errand]) -> str:
    return world.call("fetch", ctx.key)


@fetch.undo
def bring_back(ctx: UndoContext[Errand, str]) -> None:
    world.call("bring_back", ctx.step_key, undoes="fetch")


@fetch.recorded
def fetched(ctx: StepContext[Errand], result: str) -> None:
    world.recorded.append(result)


@fetch.awaiting
def asked_for(ctx: StepContext[Errand], awaits: Awaits) -> None:
    world.awaited.append(awaits.detail)
    if isinstance(awaits.detail, Exception):
        raise awaits.detail


@errand.step(undo=None, timeout=timedelta(seconds=2), retry=QUICK)
def think(ctx: StepContext[Errand]) -> None:
    world.call("think", ctx.key)


@errand.step(timeout=timedelta(seconds=2), retry=QUICK, undo_retry=QUICK)
def wrap(ctx: StepContext[Errand]) -> None:
    world.call("wrap", ctx.key)


@wrap.undo
def unwrap(ctx: UndoContext[Errand, None]) -> None:
    world.call("unwrap", ctx.step_key, undoes="wrap")


@errand.pivot(timeout=timedelta(seconds=2), retry=QUICK)
def pay(ctx: StepContext[Errand]) -> str:
    return world.call("pay", ctx.key)


@pay.probe
def find_payment(ctx: StepContext[Errand]) -> str | NotApplied:
    fault = world.faults["probe"].pop(0) if world.faults["probe"] else None
    if fault is not None:
        raise fault
    return "found" if "pay" in world.applied else NotApplied()


@errand.step(timeout=timedelta(seconds=2), retry=QUICK)
def deliver(ctx: StepContext[Errand]) -> str:
    return world.call("deliver", ctx.key) + " after " + ctx.result_of(pay)


@errand.status_changed
def note(change: StatusChange[Errand]) -> None:
    world.statuses.append(change.after)
