"""Builds the Celery chain of a run's remaining steps, one immutable task each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from celery import chain, current_app

from outbox.messages import trace
from outbox.transports.celery import publish_all, renders

from ..declare import registry
from ..declare.saga import Step
from ..engine.run_ready import RunReady
from ..engine.work import lease_seconds
from ..errors import SagaError
from ..settings import saga_settings

STEP_TASK, UNDO_TASK = "sagas.run_step", "sagas.undo_step"


def send(chains: Iterable[Any]) -> None:
    """Send the chains in one round trip. Raises the broker client's errors; the sweep then sends the chain again."""
    publish_all(list(chains))


@renders(RunReady)
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


def steps_left(ready: RunReady) -> list[Step[Any, Any]]:
    """The steps that are still to be run, or to be undone: those with an undo, and a pivot in doubt."""
    steps = registry.find(ready.saga, ready.version).steps
    if not ready.undo:
        return steps[ready.position :]
    back = reversed(steps[: ready.position + 1])
    return [step for step in back if step.has_undo or (step.is_pivot and step.position == ready.position)]


def task_seconds(step: Step[Any, Any]) -> float:
    """How long a task that ends with the step may take: others run in place before it until the budget is spent."""
    return lease_seconds(step) + saga_settings.IN_PLACE_BUDGET.total_seconds()


def _links(task: str, run_id: UUID, steps: list[Step[Any, Any]], title: str) -> Iterator[Any]:
    """A task for each step, with the current trace. Only pools that can kill a task observe the time limit."""
    limit = max(task_seconds(step) for step in steps)
    headers = trace.current().headers()
    for step in steps:
        saga = step.saga
        yield current_app.signature(
            task,
            args=(str(run_id), saga.name, saga.version, step.name),
            immutable=True,
            options={"shadow": title.format(step.title), "headers": headers, "time_limit": limit},
        )
