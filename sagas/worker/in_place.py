"""The steps that a worker runs one after the other in one Celery task, in place of a message for each.

Recording a step claims the next one in the same commit. Which one that is PostgreSQL says, never the chain that the
task carries; what is left when the worker stops goes out as a chain of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

from celery import Task
from celery.worker import state as this_worker

from outbox.messages import sending_time, spans, trace

from ..branches.waking import parent_of_ended, wake_parent
from ..declare.step import Step
from ..engine.continuation import Continuation, Continue, RetryIn, RunNext, Stop, SwitchChain
from ..engine.executor import TaskRef, proceed
from ..engine.run_ready import RunReady
from ..engine.work import ClaimedStep, Worker
from ..settings import saga_settings
from .chains import chain_of, send, send_next, steps_left
from .flower_events import Family, Shown, gathered, tell_which
from .in_hand import in_hand


def carry_out(
    task: Task[..., None], run: Callable[[TaskRef], Continuation], run_id: str, saga: str, version: int, step: str
) -> None:
    """Carry out the step that the task names, by `run`, and those that follow in place; then let the chain go on.

    Raises Celery's Retry for a step that is to be tried again soon.
    """
    request = task.request
    headers: dict[str, str] = request.headers or {}
    span = spans.NOTHING if spans.library is None else partial(_span, request, f"{saga}.{step}")
    with trace.use(trace.from_headers(headers)), span(), in_hand(UUID(run_id)):
        way = InPlace(task)
        told = partial(tell_which, request) if gathered.wanted else None
        worker = Worker(request.hostname or "", request.id or "", way.ahead, met_shared=way.met_shared, claimed=told)
        try:
            way.follow(way.carry(run(TaskRef(UUID(run_id), saga, version, step, worker))))
        finally:
            if way.shares:
                when_shared()
    if "." in saga and (parent := parent_of_ended(UUID(run_id))) is not None:  # as in trip.book_flight: a branch
        carry_parent(task, str(parent))  # at once; should this worker die first, the event of its end does the same


def carry_parent(task: Task[..., None], run_id: str) -> None:
    """Have a parent look at its runs; where they are over its step is carried out, and those that follow in place."""
    request = task.request
    with trace.use(trace.from_headers(request.headers or {})), in_hand(UUID(run_id)):
        way = InPlace(task)
        task_id = next_task_id(way.began)
        worker = None if task_id is None else Worker(request.hostname or "", task_id, way.ahead)
        way.follow(way.carry(wake_parent(UUID(run_id), worker)))


def _span(request: Any, title: str) -> AbstractContextManager[object]:
    facts: spans.Facts = {"messaging.message.id": request.id or "", "celery.retries": request.retries or 0}
    return spans.span(f"task {title}", "consumer", facts)


def _nobody_is_told() -> None:
    """Until there is a taker."""


when_shared: Callable[[], None] = _nobody_is_told
"""Called when a run that shares the workers has begun, gone on or ended: others of its share may be let in."""


@dataclass
class InPlace:
    """One task's way through a run."""

    task: Task[..., None]
    began: float = field(default_factory=time.monotonic)
    at: ClaimedStep | None = None
    """The last step that was carried out beyond the one that the task names."""
    shares: bool = False
    """Whether the run shares the workers with others."""

    def met_shared(self) -> None:
        self.shares = True

    def ahead(self, _step: Step[Any, Any]) -> str | None:
        """A task id for the step that follows; None when it shall go out as a message.

        That bounds how long a task keeps a thread from other runs, and a worker that is stopped from ending.
        """
        return next_task_id(self.began)

    def carry(self, then: Continuation) -> Continuation:
        """Go on for as long as the next step is claimed; returns what the task does after the last."""
        while isinstance(then, RunNext):
            self.at = then.work
            with Shown(Family.of(self.task.request), self.at) as shown:
                then = proceed(self.at)
                if isinstance(then, RetryIn):
                    shown.retried(then.why)
        return then

    def follow(self, then: Continuation) -> None:
        """Let the chain go on, end it, put another in its place, or come back later.

        Once steps ran in place the task's chain is behind the run, and Celery's own retry would repeat the task's first
        step and lose the one in hand: then what follows is always a new chain.
        """
        if self.at is not None:
            self.task.request.chain = None
            send_rest(then, self.at)
            return
        if isinstance(then, RetryIn) and _is_short(then):
            headers = sending_time.stamped(self.task.request.headers)
            raise self.task.retry(countdown=then.seconds, exc=None, headers=headers)
        if isinstance(then, Stop | SwitchChain | RetryIn):
            self.task.request.chain = None  # Celery reads it after the body: the steps that follow are not published
        if isinstance(then, SwitchChain):
            send([chain_of(then.to)])
        elif (chain := cast("list[dict[str, Any]]", self.task.request.chain)) and send_next(chain):
            self.task.request.chain = None


def next_task_id(began: float) -> str | None:
    """A task id for a step that a worker takes after another; None when it shall stop.

    `began`: the monotonic time at which it began with the first.
    """
    spent = time.monotonic() - began
    budget = saga_settings.IN_PLACE_BUDGET.total_seconds()
    return None if not saga_settings.IN_PLACE or spent >= budget or is_stopping() else str(uuid4())


def send_rest(then: Continuation, last: ClaimedStep) -> None:
    """Send what a run goes on with, after the last step that was carried out beside its chain; nothing where it ends.

    Raises the broker client's errors; the sweep then sends it.
    """
    position = last.step.position
    if isinstance(then, Continue):
        chain = _rest(last, position - 1 if last.undo else position + 1)
    elif isinstance(then, RetryIn) and _is_short(then):
        chain = _rest(last, position)
        chain.tasks[0].set(task_id=last.worker.task_id, countdown=then.seconds)  # Flower shows it as the same task
    elif isinstance(then, SwitchChain):
        chain = chain_of(then.to)
    else:
        return
    if chain is not None:
        send([chain])


def _rest(last: ClaimedStep, position: int) -> Any:
    """The chain from that position on; None when there is nothing left."""
    ready = RunReady(last.run_id, last.saga.name, last.saga.version, last.undo, position)
    return chain_of(ready) if steps_left(ready) else None


def _is_short(wait: RetryIn) -> bool:
    """Whether Celery may hold the message meanwhile; after a longer wait the sweep rings."""
    return wait.seconds <= saga_settings.SHORT_WAIT.total_seconds()


def is_stopping() -> bool:
    """Whether Celery was asked to end this worker."""
    asked: tuple[object, ...] = (this_worker.should_stop, this_worker.should_terminate)  # exit codes, 0 among them
    return any(code is not None and code is not False for code in asked)
