"""The Celery tasks. Each one calls the engine, and then does with its chain what the engine decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task

from outbox.messages import trace

from .engine import executor
from .engine.decisions import GoOn, Stop, Turn, Verdict, Wait
from .engine.run_ready import RunReady
from .engine.work import Taken, Worker
from .maintenance.prune import prune_runs
from .maintenance.sweep import ring_overdue
from .settings import saga_settings
from .worker.chains import chain_of, send, steps_left
from .worker.in_hand import in_hand
from .worker.in_place import InPlace


@shared_task(bind=True, name="sagas.run_step", max_retries=None, acks_late=True, reject_on_worker_lost=True)
def run_step(self: Task[..., None], run_id: str, saga: str, version: int, step: str) -> None:
    """Run one step of a run."""
    way = InPlace(self)
    with trace.use(_trace(self)), in_hand(UUID(run_id)):
        verdict = way.carry(executor.run_step(_link(way, run_id, saga, version, step)))
        _follow(self, verdict, way.at)


@shared_task(bind=True, name="sagas.undo_step", max_retries=None, acks_late=True, reject_on_worker_lost=True)
def undo_step(self: Task[..., None], run_id: str, saga: str, version: int, step: str) -> None:
    """Run the undo of one step of a run."""
    way = InPlace(self)
    with trace.use(_trace(self)), in_hand(UUID(run_id)):
        verdict = way.carry(executor.undo_step(_link(way, run_id, saga, version, step)))
        _follow(self, verdict, way.at)


@shared_task(name="sagas.sweep", send_events=False)  # one each second would bury the rest in Flower
def sweep() -> None:
    """Restart overdue runs."""
    ring_overdue()


def _follow(task: Task[..., None], verdict: Verdict, in_place: Taken | None) -> None:
    """Continue the chain, end it, replace it, or retry later, as the verdict says.

    After steps in place, the task's own chain is behind the run, and Celery's retry would repeat the task's first step
    instead of the last one. In that case a new chain is sent.
    """
    if in_place is not None:
        task.request.chain = None
        _follow_in_place(verdict, in_place)
        return
    if isinstance(verdict, Wait) and verdict.seconds <= saga_settings.SHORT_WAIT.total_seconds():
        raise task.retry(countdown=verdict.seconds, exc=None)
    if isinstance(verdict, Stop | Turn | Wait):
        task.request.chain = None  # Celery reads it after the body: the links that follow are not published
    if isinstance(verdict, Turn):
        send([chain_of(verdict.to)])


def _follow_in_place(verdict: Verdict, last: Taken) -> None:
    position = last.step.position
    if isinstance(verdict, GoOn):
        chain = _rest(last, position - 1 if last.undo else position + 1)
    elif isinstance(verdict, Wait) and verdict.seconds <= saga_settings.SHORT_WAIT.total_seconds():
        chain = _rest(last, position)
        chain.tasks[0].set(task_id=last.worker.task_id, countdown=verdict.seconds)  # Flower shows it as the same task
    elif isinstance(verdict, Turn):
        chain = chain_of(verdict.to)
    else:
        return
    if chain is not None:
        send([chain])


def _rest(last: Taken, position: int) -> Any:
    """A chain of the steps from that position on; None when none is left."""
    ready = RunReady(last.run_id, last.saga.name, last.saga.version, last.undo, position)
    return chain_of(ready) if steps_left(ready) else None


def _link(way: InPlace, run_id: str, saga: str, version: int, step: str) -> executor.Link:
    request = way.task.request
    worker = Worker(request.hostname or "", request.id or "", way.ahead)
    return executor.Link(UUID(run_id), saga, version, step, worker)


def _trace(task: Task[..., None]) -> trace.Trace:
    headers: dict[str, Any] = task.request.headers or {}
    return trace.from_headers(headers)


@shared_task(name="sagas.prune")
def prune() -> None:
    """Delete runs that ended longer ago than SAGAS_KEEP_FINISHED."""
    prune_runs()
