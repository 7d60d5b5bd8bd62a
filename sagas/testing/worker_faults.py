"""The workers' part of crash tests. Import it with `celery worker -I sagas.testing.worker_faults`.

It does nothing unless SAGAS_CRASH_PLANS names a folder with plans. Then it wraps the declared functions, watches the
commits of each connection, and sends SIGKILL to its own process where a plan says so. The engine knows nothing of it.
Leases and waits are shortened, so that other workers take over from a dead one within seconds.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from celery import current_app, current_task, signals
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from sagas.declare import registry
from sagas.declare.branch import Branch
from sagas.declare.step import Step
from sagas.errors import Refused

from .errors import NoAnswer
from .gaps import AFTER_CALL, AFTER_COMMIT, ANSWER_LOST, BEFORE_ACK, BEFORE_CALL, BEFORE_COMMIT, DOUBLED, CrashPoint
from .plans import FOLDER, Plans

TIMEOUT = timedelta(seconds=3)
"""The longest timeout of a step in these workers. A lease is this and MARGIN; with a probe, twice this."""
MARGIN = timedelta(seconds=1)
PATIENCE = timedelta(seconds=4)
STEP_TASKS, TAKE_TASK = ("sagas.run_step", "sagas.undo_step", "sagas.wake_parent"), "sagas.take"
READS = ("SELECT", "PREPARE", "EXECUTE saga_result")


class Calls:
    """The calls of this process that are to end it as they are recorded, or later: the gap of each, by its run.

    A worker may have many in hand, and a thread may record what another one has called: a statement is about the runs
    that it names.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gaps: dict[UUID, tuple[str, str]] = {}
        """With the task in which the call was made: its run's id, or "" for one that carries many runs."""
        self._recorded: set[UUID] = set()

    def made(self, run_id: UUID, gap: str) -> None:
        """The run's call has been made, in the current task."""
        with self._lock:
            self._gaps[run_id] = (gap, _carried_by(current_task))
            self._recorded.discard(run_id)

    def named_in(self, params: Any) -> set[UUID]:
        """The runs with such a call that a statement's parameters name."""
        with self._lock:
            return self._gaps.keys() & set(_uuids(params)) if self._gaps else set()

    def recorded(self, runs: Iterable[UUID]) -> None:
        """What was to be written of the runs is committed."""
        with self._lock:
            self._recorded.update(runs)

    def at(self, gap: str, runs: Iterable[UUID]) -> list[UUID]:
        """Those of the runs whose call was made at the gap."""
        with self._lock:
            return [run_id for run_id in runs if self._gaps.get(run_id, ("", ""))[0] == gap]

    def over(self, carried: str) -> list[UUID]:
        """The runs that were recorded in this task, which is over; they are forgotten."""
        with self._lock:
            return [run_id for run_id in self._recorded if self._gaps.get(run_id, ("", None))[1] == carried]

    def forget(self, runs: Iterable[UUID]) -> None:
        """They are not to end this process any more."""
        with self._lock:
            for run_id in runs:
                self._gaps.pop(run_id, None)
                self._recorded.discard(run_id)


def _carried_by(task: Any) -> str:
    """The id of the run whose steps the task carries; "" for one that takes many, and in threads beside the tasks."""
    request = getattr(task, "request", None)
    return str(request.args[0]) if request is not None and task.name in STEP_TASKS and request.args else ""


def _uuids(params: Any) -> Iterator[UUID]:
    for value in params.values() if isinstance(params, dict) else params or ():
        if isinstance(value, UUID):
            yield value
        elif isinstance(value, list | tuple):
            yield from _uuids(value)


class WorkerFaults:
    """Makes the planned faults happen in this process."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans
        self.calls = Calls()
        self._parents: dict[UUID, UUID] = {}
        """Of branches: the run that has the plan."""
        self._touched = threading.local()
        """The runs that the transaction in hand has named."""

    def install(self) -> None:
        for saga in registry.all_sagas():
            for step in saga.steps:
                self._wrap(step)
        connection_created.connect(self._watch_commits, weak=False)
        signals.task_postrun.connect(self._task_is_over, weak=False)
        signals.after_task_publish.connect(self._double, weak=False)

    def _wrap(self, step: Step[Any, Any]) -> None:
        _ = step.result_type  # read from the real function
        step.timeout = min(step.timeout, TIMEOUT)
        step.run = self._call(step, step.run, undo=False)
        if step.has_undo and step.undo_run is not None:
            step.undo_run = self._call(step, step.undo_run, undo=True)

    def _call(self, step: Step[Any, Any], real: Callable[[Any], Any], *, undo: bool) -> Callable[[Any], Any]:
        @functools.wraps(real)
        def call(context: Any) -> Any:
            planned = self._planned(context)
            point = self.plans.of(planned)
            if point is None:
                return real(context)
            if point.gap == DOUBLED and not _carried_by(current_task):  # the message that brought it was doubled
                self.plans.fire(planned)
            if point.turns_at == step.name and not undo:
                return self._refuse(point, step, real, context)
            here = (point.step, point.undo) == (step.name, undo) and not self.plans.fired(planned)
            return self._fail_call(point.gap, real, context) if here else real(context)

        return call

    def _planned(self, context: Any) -> UUID:
        """The id of the run whose plan it is: of a branch its parent's."""
        if isinstance(context.input, Branch):
            self._parents[context.run_id] = context.input.parent
            return context.input.parent
        run_id: UUID = context.run_id
        return run_id

    def _refuse(self, point: CrashPoint, step: Step[Any, Any], real: Callable[[Any], Any], context: Any) -> NoReturn:
        """Refuse the step, so that the run is undone. If it shall itself be undone, apply it and lose the answer."""
        if point.step == step.name and context.attempt == 1:
            real(context)
            raise NoAnswer("no answer, by the crash test's plan")
        raise Refused("crash_test", "refused by the crash test's plan")

    def _fail_call(self, gap: str, real: Callable[[Any], Any], context: Any) -> Any:
        if gap == BEFORE_CALL:
            self._die(context.run_id)
        try:
            return real(context)
        finally:  # after any answer, also an error
            if gap == AFTER_CALL:
                self._die(context.run_id)
            if gap == ANSWER_LOST and self.plans.fire(self._planned(context)):
                raise NoAnswer("no answer, by the crash test's plan")
            self.calls.made(context.run_id, gap)

    def _watch_commits(self, connection: BaseDatabaseWrapper, **_: Any) -> None:
        """Watch what a connection commits: a whole transaction, or a single statement."""
        if self._statement in connection.execute_wrappers:  # the connection was opened again
            return
        connection.execute_wrappers.append(self._statement)
        commit, rollback = connection.commit, connection.rollback

        def watched() -> None:
            touched: set[UUID] = getattr(self._touched, "runs", set())
            self._touched.runs = set()
            self._die_at(BEFORE_COMMIT, touched)
            commit()
            self._committed(touched)

        def rolled_back() -> None:
            self._touched.runs = set()
            rollback()

        connection.commit, connection.rollback = watched, rolled_back  # type: ignore[method-assign]

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        named = self.calls.named_in(params)
        if context["connection"].in_atomic_block:
            self._touched.runs = getattr(self._touched, "runs", set()) | named
            return execute(sql, params, many, context)
        if not named or sql.lstrip().startswith(READS):
            return execute(sql, params, many, context)
        if self.calls.at(BEFORE_COMMIT, named):
            context["cursor"].cursor.execute("BEGIN")
        result = execute(sql, params, many, context)
        self._die_at(BEFORE_COMMIT, named)
        self._committed(named)
        return result

    def _committed(self, runs: set[UUID]) -> None:
        self._die_at(AFTER_COMMIT, runs)
        self.calls.recorded(runs)

    def _task_is_over(self, task: Any = None, **_: Any) -> None:
        over = self.calls.over(_carried_by(task))
        self._die_at(BEFORE_ACK, over)
        self.calls.forget(over)

    def _double(self, sender: str, body: Any, headers: Any, exchange: str, routing_key: str, **_: Any) -> None:
        """Publish the message a second time, as a broker may deliver it twice: also one that is no run's own."""
        if sender in STEP_TASKS:
            run_id = body[0][0]
            point = self.plans.of(run_id)
            if point is None or point.gap != DOUBLED:
                return
            self.plans.fire(run_id)
        elif sender != TAKE_TASK:
            return
        with current_app.producer_pool.acquire(block=True) as producer:
            producer.publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                headers=headers,
                serializer="json",
                correlation_id=headers["id"],
            )

    def _die_at(self, gap: str, runs: Iterable[UUID]) -> None:
        for run_id in self.calls.at(gap, runs):
            self._die(run_id)

    def _die(self, run_id: UUID) -> None:
        if self.plans.fire(self._parents.get(run_id, run_id)):
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()  # not one statement more


def shorten_waits() -> None:
    """Shorten leases and waits in this process."""
    settings.SAGAS_LEASE_MARGIN = MARGIN
    settings.SAGAS_PATIENCE = PATIENCE


if FOLDER in os.environ:
    shorten_waits()
    WorkerFaults(Plans(Path(os.environ[FOLDER]))).install()
