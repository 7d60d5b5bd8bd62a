"""A saga whose runs are taken many at a time, and a program whose children take them and die."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection

from outbox import event, publish
from sagas import Retry, Saga, StepContext

from .odd import ledger

SOON = Retry(attempts=6, first=timedelta(milliseconds=100), longest=timedelta(milliseconds=500))
STEPS = ("ask", "order", "settle")
UNRECORDED = "unrecorded"
"""What the ledger says when a step was called before the record of the one before it was committed."""


@dataclass(frozen=True)
class Parcel:
    """The input."""

    name: str


@event("tests.parcel_went_on", version=1)
@dataclass(frozen=True)
class WentOn:
    """A step of the run is recorded."""

    name: str
    step: str


many = Saga[Parcel]("crash_many", version=1)


def _call(ctx: StepContext[Parcel], name: str) -> str:
    from sagas.models import Step

    before = Step.objects.filter(run_id=ctx.run_id, position=STEPS.index(name) - 1).first()
    if connection.in_atomic_block or (before is not None and before.status != "done"):
        ledger().do(UNRECORDED)
    ledger().nth(ctx.key)
    ledger().do(ctx.key)
    return ctx.key


@many.step(participant="post", undo=None, timeout=timedelta(seconds=3), retry=SOON)
def ask(ctx: StepContext[Parcel]) -> str:
    return _call(ctx, "ask")


@many.pivot(participant="bank", timeout=timedelta(seconds=3), retry=SOON)
def order(ctx: StepContext[Parcel]) -> str:
    return _call(ctx, "order")


@many.step(participant="road", timeout=timedelta(seconds=3), retry=SOON)
def settle(ctx: StepContext[Parcel]) -> str:
    return _call(ctx, "settle")


@ask.recorded
def asked(ctx: StepContext[Parcel], result: str) -> None:
    publish(WentOn(ctx.input.name, "ask"), key=ctx.input.name)


@order.recorded
def ordered(ctx: StepContext[Parcel], result: str) -> None:
    publish(WentOn(ctx.input.name, "order"), key=ctx.input.name)


@settle.recorded
def settled(ctx: StepContext[Parcel], result: str) -> None:
    publish(WentOn(ctx.input.name, "settle"), key=ctx.input.name)


def times_called(run_id: UUID, step: str) -> int:
    """How often the participant was called for the step of the run."""
    return len(list(ledger().folder.glob(f"{run_id}.{step}.asked-*")))


def carry() -> None:
    """Take what waits and carry it in one hand: also where the machine is busy, and a call takes its time."""
    from sagas.worker import pace
    from tests.support.sagas.hands import Dealt, Ended, hand_of, take_all

    pace.SLOW = 5.0
    hand_of(take_all(), Ended(), Dealt()).carry()


def main() -> None:
    """Fork a child for each line that comes in; it takes the runs that wait, and carries them in one hand until a plan
    kills it. Then print how it ended.
    """
    import sagas.testing.worker_faults  # noqa: F401  # installs the plans' faults

    print("ready", flush=True)  # noqa: T201
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                carry()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
