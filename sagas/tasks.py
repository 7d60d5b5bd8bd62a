"""Celery's doors to the engine."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task

from outbox import trace

from . import engine
from .dispatch import chain_of, send
from .settings import saga_settings
from .sweep import ring_overdue
from .verdict import Stop, Turn, Verdict, Wait


@shared_task(bind=True, name="sagas.run_step", max_retries=None)
def run_step(self: Task[..., None], run_id: str, saga: str, version: int, step: str) -> None:
    """Carry out one step of a run."""
    with trace.use(_trace(self)):
        _follow(self, engine.run_step(_link(self, run_id, saga, version, step)))


@shared_task(bind=True, name="sagas.undo_step", max_retries=None)
def undo_step(self: Task[..., None], run_id: str, saga: str, version: int, step: str) -> None:
    """Carry out the undo of one step of a run."""
    with trace.use(_trace(self)):
        _follow(self, engine.undo_step(_link(self, run_id, saga, version, step)))


@shared_task(name="sagas.sweep", send_events=False)  # one each second would bury the rest in Flower
def sweep() -> None:
    """Ring every overdue run."""
    ring_overdue()


def _follow(task: Task[..., None], verdict: Verdict) -> None:
    """Let the chain go on, end it, put another in its place, or come back later."""
    if isinstance(verdict, Wait) and verdict.seconds <= saga_settings.SHORT_WAIT.total_seconds():
        raise task.retry(countdown=verdict.seconds, exc=None)
    if isinstance(verdict, Stop | Turn | Wait):
        task.request.chain = None  # Celery reads it after the body: the links that follow are not published
    if isinstance(verdict, Turn):
        send([chain_of(verdict.to)])


def _link(task: Task[..., None], run_id: str, saga: str, version: int, step: str) -> engine.Link:
    return engine.Link(UUID(run_id), saga, version, step, task.request.hostname or "", task.request.id or "")


def _trace(task: Task[..., None]) -> trace.Trace:
    headers: dict[str, Any] = task.request.headers or {}
    return trace.from_headers(headers)
