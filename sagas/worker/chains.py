"""Builds the Celery chain of a run's remaining steps, one immutable task each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from celery import Signature, chain, current_app

from outbox.messages import trace
from outbox.transports.celery import publish_all, publish_from_template, renders

from ..branches.child_ended import ChildEnded
from ..declare import registry
from ..declare.step import Step
from ..engine.queued import RunQueued
from ..engine.run_ready import RunReady
from ..engine.taking import awaited
from ..engine.work import lease_seconds
from ..errors import SagaError
from ..settings import is_pooled, saga_settings
from . import promise

STEP_TASK, UNDO_TASK, TAKE_TASK = "sagas.run_step", "sagas.undo_step", "sagas.take"
WAKE_TASK = "sagas.wake_parent"
TAKERS = 2
"""Messages that say that there is work, for all the runs of a batch that wait for any worker."""


def take_task(*, queued: bool = False) -> Any:
    """The task that says that there is work: runs that any worker may take. `queued`: some wait for their share's turn.

    It ends with the last step that it began, and is killed, where the pool can, when any step would have ended.
    """
    steps = [step for saga in registry.all_sagas() for step in saga.steps if not step.beats]
    limit = max(map(task_seconds, steps), default=None)
    given = {"queued": True} if queued else {}  # a worker of an older release knows no argument
    return current_app.signature(TAKE_TASK, kwargs=given, immutable=True, options={"time_limit": limit})


def one_for_all(queued: Sequence[RunQueued]) -> list[list[Any] | None]:
    """Of the runs of a batch that wait for the turn of their share the first has the others looked at, too."""
    return [[take_task(queued=True)] if place == 0 else [] for place in range(len(queued))]


@renders(RunQueued, in_common=one_for_all)
def taker_for(_queued: RunQueued) -> Any:
    """The task that lets runs in whose turn it is."""
    return take_task(queued=True)


def tasks_in_common(ready: Sequence[RunReady]) -> list[list[Any] | None]:
    """What to send for runs that start at the same time; None for one that gets its chain.

    A run by itself gets its chain. Of several, each of which any worker may take, a few messages say that there is
    work; none is needed while a worker has promised to look again. A run that was taken meanwhile, or has ended, gets
    nothing.
    """
    starts = [one for one in ready if not one.undo and one.position == 0]
    if not starts or not is_pooled():
        return [None] * len(ready)
    waiting = awaited(starts)
    pooled = sum(waiting.values())
    promised = pooled > 0 and promise.stands()
    shared = promised or pooled > 1
    takers = iter([[take_task()]] * TAKERS if shared and not promised else [])
    sent: list[list[Any] | None] = []
    for one in ready:
        if one.undo or one.position or (one.run_id in waiting and not (shared and waiting[one.run_id])):
            sent.append(None)
        else:
            sent.append(next(takers, []) if one.run_id in waiting else [])
    return sent


def send(chains: Iterable[Any]) -> None:
    """Send the chains in one round trip. Raises the broker client's errors; the sweep then sends the chain again."""
    publish_all(list(chains))


def send_next(chain: Sequence[dict[str, Any]]) -> bool:
    """Send the next task of a chain, the last of these, as Celery does after a task's body, only quicker.

    False where Celery has to do it. Raises the broker client's errors.
    """
    *rest, first = (Signature.from_dict(task, app=current_app) for task in chain)
    return publish_from_template(first, rest)


@renders(RunReady, in_common=tasks_in_common)
def chain_of(ready: RunReady) -> Any:
    """A task for each remaining step, shown in Flower under the step's name. It carries ids, and no data of the run."""
    saga = registry.find(ready.saga, ready.version)
    steps = steps_left(ready)
    if not steps:
        way = "undo" if ready.undo else "step"
        raise SagaError(f"{saga.name}, version {saga.version}, has no {way} left from step {ready.position}.")
    if ready.undo:
        links = _links(UNDO_TASK, ready.run_id, steps, "{}.undo")
    else:
        links = _links(STEP_TASK, ready.run_id, steps, "{}")
    tasks: Any = list(links)
    return chain(tasks, app=current_app)  # with an app named, Celery does not fold them one into the other


def wakes_in_common(ended: Sequence[ChildEnded]) -> list[list[Any]]:
    """One task for each parent, whichever of its runs have ended."""
    last = {one.parent: number for number, one in enumerate(ended)}
    return [[wake_task(one)] if last[one.parent] == number else [] for number, one in enumerate(ended)]


@renders(ChildEnded, in_common=wakes_in_common)
def wake_task(ended: ChildEnded) -> Any:
    """The task that has a parent look at its runs, and go on where they are over."""
    return current_app.signature(WAKE_TASK, args=(str(ended.parent),), immutable=True)


def steps_left(ready: RunReady) -> list[Step[Any, Any]]:
    """The steps that are still to be run, or to be undone: those with an undo, and a pivot in doubt."""
    steps = registry.find(ready.saga, ready.version).steps
    if not ready.undo:
        return steps[ready.position :]
    back = reversed(steps[: ready.position + 1])
    return [step for step in back if step.has_undo or (step.is_pivot and step.position == ready.position)]


def task_seconds(step: Step[Any, Any]) -> float:
    """How long a task that ends with the step may take: others run in place before it until the budget is spent.

    One that beats may take this from its last beat on.
    """
    return lease_seconds(step) + saga_settings.IN_PLACE_BUDGET.total_seconds()


def _links(task: str, run_id: UUID, steps: list[Step[Any, Any]], title: str) -> Iterator[Any]:
    """A task for each step, with the current trace. Only pools that can kill a task observe the time limit; none has
    one in a chain with a step that beats, which ends with its lease.
    """
    limit = None if any(step.beats for step in steps) else max(task_seconds(step) for step in steps)
    headers = trace.current().headers()
    for step in steps:
        saga = step.saga
        yield current_app.signature(
            task,
            args=(str(run_id), saga.name, saga.version, step.name),
            immutable=True,
            options={"shadow": title.format(step.title), "headers": headers, "time_limit": limit},
        )
