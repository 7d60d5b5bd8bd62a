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
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from celery import current_app, signals
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from sagas.declare import registry
from sagas.declare.saga import Step
from sagas.errors import Refused

from .errors import NoAnswer
from .gaps import AFTER_CALL, AFTER_COMMIT, ANSWER_LOST, BEFORE_ACK, BEFORE_CALL, BEFORE_COMMIT, DOUBLED, CrashPoint
from .plans import FOLDER, Plans

TIMEOUT = timedelta(seconds=3)
"""The longest timeout of a step in these workers. A lease is this and MARGIN; with a probe, twice this."""
MARGIN = timedelta(seconds=1)
PATIENCE = timedelta(seconds=4)
STEP_TASKS = ("sagas.run_step", "sagas.undo_step")
READS = ("SELECT", "PREPARE")


class LastCall(threading.local):
    """The call that this thread has made and not yet recorded."""

    run_id: UUID | None = None
    gap = ""


class WorkerFaults:
    """Makes the planned faults happen in this process."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans
        self.last_call = LastCall()

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
            point = self.plans.of(context.run_id)
            if point is None:
                return real(context)
            if point.turns_at == step.name and not undo:
                return self._refuse(point, step, real, context)
            here = (point.step, point.undo) == (step.name, undo) and not self.plans.fired(context.run_id)
            return self._fail_call(point.gap, real, context) if here else real(context)

        return call

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
            if gap == ANSWER_LOST and self.plans.fire(context.run_id):
                raise NoAnswer("no answer, by the crash test's plan")
            self.last_call.run_id, self.last_call.gap = context.run_id, gap

    def _watch_commits(self, connection: BaseDatabaseWrapper, **_: Any) -> None:
        """Watch what a connection commits: a whole transaction, or a single statement."""
        if self._statement in connection.execute_wrappers:  # the connection was opened again
            return
        connection.execute_wrappers.append(self._statement)
        commit = connection.commit

        def watched() -> None:
            self._die_if(BEFORE_COMMIT)
            commit()
            self._die_if(AFTER_COMMIT)

        connection.commit = watched  # type: ignore[method-assign]

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        alone = not context["connection"].in_atomic_block and not sql.lstrip().startswith(READS)
        if alone and self.last_call.gap == BEFORE_COMMIT:
            context["cursor"].cursor.execute("BEGIN")
        result = execute(sql, params, many, context)
        if alone:
            self._die_if(BEFORE_COMMIT, AFTER_COMMIT)
        return result

    def _task_is_over(self, **_: Any) -> None:
        self._die_if(BEFORE_ACK)
        self.last_call.run_id, self.last_call.gap = None, ""

    def _double(self, sender: str, body: Any, headers: Any, exchange: str, routing_key: str, **_: Any) -> None:
        """Publish the message a second time, as a broker may deliver it twice."""
        if sender not in STEP_TASKS:
            return
        run_id = body[0][0]
        point = self.plans.of(run_id)
        if point is None or point.gap != DOUBLED:
            return
        self.plans.fire(run_id)
        with current_app.producer_pool.acquire(block=True) as producer:
            producer.publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                headers=headers,
                serializer="json",
                correlation_id=headers["id"],
            )

    def _die_if(self, *gaps: str) -> None:
        if self.last_call.run_id is not None and self.last_call.gap in gaps:
            self._die(self.last_call.run_id)

    def _die(self, run_id: UUID) -> None:
        if self.plans.fire(run_id):
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()  # not one statement more


def shorten_waits() -> None:
    """Shorten leases and waits in this process."""
    settings.SAGAS_LEASE_MARGIN = MARGIN
    settings.SAGAS_PATIENCE = PATIENCE


if FOLDER in os.environ:
    shorten_waits()
    WorkerFaults(Plans(Path(os.environ[FOLDER]))).install()
