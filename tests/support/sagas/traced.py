"""A saga whose steps do as little as can be, for counting what the engine does for them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction

from outbox import event, publish
from sagas import Saga, StepContext, tasks


@dataclass(frozen=True)
class Parcel:
    """The input."""

    what: str


@event("tests.parcel_moved", version=1)
@dataclass(frozen=True)
class ParcelMoved:
    """A hook tells that a step is done."""

    what: str


parcel = Saga[Parcel]("parcel", version=1)


@parcel.step(participant="carrier", undo=None)
def book(ctx: StepContext[Parcel]) -> str:
    return ctx.key


@book.recorded
def booked(ctx: StepContext[Parcel], result: str) -> None:
    publish(ParcelMoved(ctx.input.what), key="parcel")


@parcel.step(participant="warehouse", undo=None)
def pack(ctx: StepContext[Parcel]) -> str:
    return ctx.key


@parcel.step(participant="carrier", undo=None)
def post(ctx: StepContext[Parcel]) -> str:
    return ctx.key


@post.recorded
def posted(ctx: StepContext[Parcel], result: str) -> None:
    publish(ParcelMoved(ctx.input.what), key="parcel")


@parcel.pivot(participant="carrier")
def hand_over(ctx: StepContext[Parcel]) -> str:
    return ctx.key


def begin() -> UUID:
    """Start a run."""
    with transaction.atomic():
        return parcel.start(Parcel("books"), key=str(uuid4()))


def carry(run_id: UUID) -> None:
    """Carry the run to its end in one task, as a worker that got its first message."""
    arguments = (str(run_id), parcel.name, parcel.version, book.name)
    request: dict[str, object] = {
        "id": str(uuid4()),
        "root_id": "root",
        "hostname": "worker",
        "headers": {},
        "chain": None,
    }
    tasks.run_step.push_request(called_directly=False, args=arguments, kwargs={}, **request)
    try:
        tasks.run_step.run(*arguments)
    finally:
        tasks.run_step.pop_request()
