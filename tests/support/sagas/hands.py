"""Many runs in one hand, in this process and without a broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

from sagas import Saga
from sagas.engine.continuation import Continuation
from sagas.engine.done import Called
from sagas.engine.executor import call
from sagas.engine.taking import TakenStep, take
from sagas.engine.work import Ahead, Worker
from sagas.models import Attempt, Run
from sagas.worker.flower_events import Family
from sagas.worker.hand import Hand

from .driver import begin
from .errand import Errand, errand

NAME = "hand@test"
"""The name of the worker that takes."""


def begin_many(many: int, saga: Saga[Errand] = errand, *, first: int = 0) -> list[UUID]:
    """Runs that wait for any worker, in the order in which they are taken; the n-th one's key is `key-n`."""
    return [begin(saga, Errand(f"milk {n}"), f"key-{n}") for n in range(first, first + many)]


def go_on(_step: object) -> str | None:
    """A worker that takes each next step itself."""
    return str(uuid4())


def take_all(most: int = 64, *, ahead: Ahead = go_on) -> list[TakenStep]:
    """The steps that wait, claimed by a worker that then goes on."""
    return take(most, Worker(NAME, "", ahead, pools=True)).steps


def called(steps: Sequence[TakenStep]) -> list[Called]:
    """Their participants have been asked."""
    return [answered for step in steps if isinstance(answered := call(step.work), Called)]


class Ended(dict[UUID, Continuation | None]):
    """What a hand said of each run that it was through with; each is told of once."""

    def __call__(self, step: TakenStep, then: Continuation | None) -> None:
        assert step.work.run_id not in self, "told twice"
        self[step.work.run_id] = then


class Dealt(list[TakenStep]):
    """The runs that a hand gave away."""

    def __call__(self, step: TakenStep) -> None:
        self.append(step)


def hand_of(
    steps: Sequence[TakenStep], ended: Ended, dealt: Callable[[TakenStep], None], *, stays: bool = True
) -> Hand:
    return Hand(steps, Family(NAME, "the task", "root"), ended, dealt, stays=stays)


def carry_hand(steps: Sequence[TakenStep]) -> Ended:
    """Carry all in one hand to where it leaves them."""
    ended, dealt = Ended(), Dealt()
    hand_of(steps, ended, dealt).carry()
    assert not dealt, "a step was slow"
    return ended


def statuses() -> list[str]:
    """Of all runs, in the order in which they began."""
    return list(Run.objects.order_by("id").values_list("status", flat=True))


def outcomes_of(run_id: UUID) -> list[tuple[str, int, str]]:
    """Of a run's attempts, in order: the step, the number, the outcome."""
    return list(Attempt.objects.filter(run_id=run_id).order_by("id").values_list("step", "number", "outcome"))
