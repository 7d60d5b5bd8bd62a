"""A step, or its undo, in a worker's hands: what its function is given, and how it is put down until later."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction

from outbox import codec, trace
from outbox.retry import Retry

from . import sql
from .breaker import Admission, answered, free, is_away, settled
from .context import Earlier, StatusChange, StepContext, UndoContext
from .declaration import Saga, Step
from .dispatch import lease_seconds
from .errors import Awaits, RecordingFailed, Refused, RetryAfter, SagaError
from .look import clock, must_stop
from .models import Attempt, RunStatus, StepStatus
from .recording import is_lost
from .settings import saga_settings
from .standing import standings
from .transitions import begin_undo, close_attempt, held, postpone
from .verdict import STOP, Turn, Verdict, Wait

C = TypeVar("C")
V = TypeVar("V")
SOONEST = timedelta(seconds=1)
"""However soon a participant wants to be asked again, it is not asked sooner."""
AT_ONCE = timedelta(milliseconds=50)
AWAY_JITTER = 0.25
"""Up to this share is added to such a wait, so that those who were turned away together do not return together."""


Ahead = Callable[[Step[Any, Any]], str | None]
"""Whether a worker that has finished a step takes the one that follows: the task id for its attempt, or None."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who carries a step out."""

    name: str = ""
    task_id: str = ""
    ahead: Ahead = field(default=lambda _step: None)

    def next(self, step: Step[Any, Any]) -> Worker | None:
        """This worker with the step's task in hand; None when it leaves the step to a message.

        A participant that is away or has limits is asked by the message's own admission.
        """
        task_id = self.ahead(step) if free(step.participant) else None
        return None if task_id is None else replace(self, task_id=task_id)


@dataclass(frozen=True, slots=True)
class Taken:
    """A step, or its undo, that this worker holds."""

    run_id: UUID
    saga: Saga[Any]
    step: Step[Any, Any]
    claim: sql.Claim
    input: Any = field(repr=False)
    worker: Worker
    admission: Admission
    undo: bool = False
    results: dict[str, str] = field(default_factory=dict, repr=False)
    """What steps that this worker has just carried out returned, as JSON."""

    def followed_by(self, step: Step[Any, Any], claim: sql.Claim, worker: Worker, results: dict[str, str]) -> Taken:
        """The step that follows, in the same hands: its participant is asked with nothing to give back; see `free`."""
        admission = Admission(step.participant, go=True)
        return replace(self, step=step, claim=claim, worker=worker, admission=admission, results=results)

    def changed(self, before: RunStatus, after: RunStatus, code: str = "", reason: str = "") -> StatusChange[Any]:
        """What the host's hook is told when this step ends the run."""
        return StatusChange(self.run_id, self.claim.key, self.input, before.value, after.value, "", code, reason, "")

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters by which the recording statements find the step, and the token that fences them."""
        return {"run": self.run_id, "position": self.step.position, "token": self.claim.token}


def claimed_by(worker: Worker, step: Step[Any, Any]) -> dict[str, Any]:
    """The parameters that a claim of the step writes."""
    return {
        "position": step.position,
        "version": step.saga.version,
        "lease": lease_seconds(step),
        "worker": worker.name,
        "task": worker.task_id,
        "traceparent": trace.current().traceparent,
    }


def step_context(taken: Taken) -> StepContext[Any]:
    step, claim = taken.step, taken.claim
    return StepContext(
        taken.input,
        taken.run_id,
        step_key(taken.run_id, step),
        claim.number,
        step.timeout,
        results_of(taken.run_id, taken.results),
    )


def undo_context(taken: Taken) -> UndoContext[Any, Any]:
    step, claim = taken.step, taken.claim
    key = step_key(taken.run_id, step)
    result = None if claim.result is None else codec.decode(step.result_type, claim.result)
    return UndoContext(
        taken.input,
        taken.run_id,
        f"{key}.undo",
        key,
        result,
        claim.number,
        step.timeout,
        results_of(taken.run_id, taken.results),
    )


def step_key(run_id: UUID, step: Step[Any, Any]) -> str:
    """The idempotency key of a step of a run: the same for every attempt."""
    return f"{run_id}.{step.name}"


def results_of(run_id: UUID, known: Mapping[str, str] = MappingProxyType({})) -> Earlier:
    """Reads another step's result when it is asked for, so that runs that need none pay nothing.

    `known` are results, as JSON, that need no reading.
    """

    def result_of(name: str, type_: Any) -> Any:
        text = known.get(name)
        if text is None:
            rows = sql.RESULT.rows({"run": run_id, "name": name})
            if not rows:
                raise SagaError(f"{name} of {run_id} has no result: it is not done.")
            text = rows[0][0]
        return codec.decode(type_, text)

    return result_of


def facts(taken: Taken) -> dict[str, Any]:
    return {"run": str(taken.run_id), "step": taken.step.title, "attempt": taken.claim.number}


def over_budget(taken: Taken, retry: Retry) -> bool:
    """Whether all attempts were made, and the last one ended with its worker. Nobody is asked then."""
    if retry.attempts is None or taken.claim.counted <= retry.attempts:
        return False
    settled(taken.admission, answered=None)
    return True


def call(taken: Taken, function: Callable[[C], V], context: C) -> V:
    """Call the participant, and have its breaker know what came of it."""
    try:
        value = function(context)
    except Exception as error:
        settled(taken.admission, answered=answered(error), reason=str(error))
        raise
    settled(taken.admission, answered=True)
    return value


def failed(
    taken: Taken, status: StepStatus, retry: Retry, error: Exception, give_up: Callable[[Taken, Exception], Verdict]
) -> Verdict:
    """Try again later, or give up when the budget is spent. While a participant is held as away nothing is spent."""
    away = is_held(taken, error)
    budget = replace(retry, attempts=None) if away else retry
    delay = budget.delay_after(taken.claim.counted, roll=random.random())
    if delay is None:
        return give_up(taken, error)
    return wait(taken, status, Attempt.Outcome.IN_DOUBT, error, delay, granted=int(away))


def is_held(taken: Taken, error: Exception) -> bool:
    """Whether all calls to the step's participant are held, this error being one of the reasons."""
    return is_away(error) and not standings.of(taken.step.participant).closed


@contextmanager
def hooks() -> Iterator[None]:
    """Around the host's hooks: what they raise is never taken for the participant's answer.

    Nor is a transaction that they left to be rolled back taken for a record. Raises RecordingFailed.
    """
    try:
        yield
    except (Refused, RetryAfter) as answer:
        raise RecordingFailed(f"a hook raised {type(answer).__qualname__}: {answer}") from answer
    if is_lost():
        raise RecordingFailed(
            "a hook left the transaction to be rolled back: it swallowed a database error, or asked for it. "
            "Wrap what may fail in transaction.atomic(), or let the error through."
        )


def log_failure(logger: logging.Logger, event: str, taken: Taken, error: Exception) -> None:
    """Log a failed attempt; with a traceback unless it is the network, where a stack adds nothing to the text."""
    network = isinstance(error, ConnectionError | TimeoutError)
    logger.warning(event, exc_info=not network, extra={**facts(taken), "error": str(error)})


def awaits(taken: Taken, context: StepContext[Any], error: Awaits) -> Verdict:
    """Put the step down until somebody else has acted: no message rides on it, the sweep and `wake` bring it back.

    The participant was asked, so that the attempt is granted and not forgiven: the step is undone should the run turn.
    """
    hook = taken.step.awaiting_run
    told = (lambda: hook(context, error)) if hook else None
    delay = max(error.delay, SOONEST)
    verdict = wait(taken, StepStatus.WAITING, Attempt.Outcome.AWAITS, error, delay, granted=1, hook=told)
    return STOP if isinstance(verdict, Wait) else verdict


def wait(
    taken: Taken,
    status: StepStatus,
    outcome: Attempt.Outcome,
    error: Exception,
    delay: timedelta,
    granted: int = 0,
    hook: Callable[[], None] | None = None,
) -> Verdict:
    """Put the step down until `delay` has passed; `granted` attempts are added to its budget.

    `hook` is called in the same transaction when the run does wait, and is not turned around instead.
    """
    with transaction.atomic():
        run, step = held(taken.run_id, taken.step.position, taken.claim.token)
        close_attempt(step, outcome, error)
        step.granted += granted
        if outcome is Attempt.Outcome.AWAY:
            step.forgiven += 1
            delay = max(delay, SOONEST) * (1 + AWAY_JITTER * random.random())
        elif step.woken:
            delay = AT_ONCE
        step.woken = False
        postpone(run, step, status, delay)
        cause = must_stop(run, step, clock()) if run.status == RunStatus.RUNNING else None
        if cause is not None:
            turned = begin_undo(run, code=cause[0], reason=cause[1])
            return STOP if turned is None else Turn(turned)
        if hook is not None:
            with hooks():
                hook()
    return Wait(delay.total_seconds(), str(error)) if delay <= saga_settings.SHORT_WAIT else STOP
