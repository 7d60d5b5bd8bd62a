"""A saga of the tests' own that waits: reserve, ask a supplier, wait for a date, sail (no pivot, the last step)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sagas import Awaits, Refused, Saga, Stake, StepContext, UndoContext

HOURS = timedelta(hours=2)


@dataclass(frozen=True)
class Voyage:
    """The input."""

    sails_at: datetime


@dataclass(frozen=True)
class Offer:
    """What the supplier says."""

    price: int


@dataclass
class Log:
    """What happened. One for each test, through the fixture `log`."""

    called: list[str] = field(default_factory=list)
    awaited: list[object] = field(default_factory=list)


log = Log()
crossing = Saga[Voyage]("crossing", deadline=timedelta(days=400))


@crossing.step(undo=None)
def reserve(ctx: StepContext[Voyage]) -> None:
    log.called.append("reserve")


@crossing.step()
def lay_in_store(ctx: StepContext[Voyage]) -> None:
    log.called.append("lay_in_store")


@lay_in_store.undo
def clear_store(ctx: UndoContext[Voyage, None]) -> None:
    log.called.append("clear_store")


supplier_answered = crossing.signal(
    "supplier_answered", Offer, within=HOURS, else_=Refused("no_answer"), says=lambda ctx: "the supplier's offer"
)


@supplier_answered.awaiting
def asked(ctx: StepContext[Voyage], awaits: Awaits) -> None:
    log.awaited.append(awaits.detail)


@crossing.wait(until="sails_at")
def until_departure(ctx: StepContext[Voyage]) -> str:
    return f"sails on {ctx.input.sails_at:%-d %B}"


@crossing.step(undo=None)
def sail(ctx: StepContext[Voyage]) -> int:
    log.called.append("sail")
    return ctx.result_of(supplier_answered).price


patience = Saga[Voyage]("patience", deadline=timedelta(days=400))


@patience.step()
def moor(ctx: StepContext[Voyage]) -> None:
    log.called.append("moor")


@moor.undo
def cast_off(ctx: UndoContext[Voyage, None]) -> None:
    log.called.append("cast_off")


tide = patience.wait("tide", for_=timedelta(days=30))
"""The last step of a saga without a pivot is a wait."""


# --- A person is asked ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Terms:
    """What the harbour master fills in."""

    berth: str
    fee: int = 0


permit = Saga[Voyage]("permit", deadline=timedelta(days=400), stake=lambda _: Stake(Decimal("12.50"), "EUR"))


@permit.step()
def hold_berth(ctx: StepContext[Voyage]) -> None:
    log.called.append("hold_berth")


@hold_berth.undo
def free_berth(ctx: UndoContext[Voyage, None]) -> None:
    log.called.append("free_berth")


@permit.step(local=True, undo=None)
def draft(ctx: StepContext[Voyage]) -> str:
    log.called.append("draft")
    return f"draft {log.called.count('draft')}"


granted = permit.approval(
    "granted",
    Terms,
    permission="sagas.pause_run",
    group="harbour masters",
    within=timedelta(days=2),
    remind=timedelta(days=1),
    else_=Refused("no_answer"),
    back_to=(draft,),
    says=lambda ctx: "may it moor?",
)


@granted.sent_back
def sent_back(ctx: StepContext[Voyage], words: str) -> None:
    log.called.append(words)


@permit.pivot()
def enter(ctx: StepContext[Voyage]) -> str:
    return f"{ctx.result_of(draft)} at {ctx.result_of(granted).berth}"
