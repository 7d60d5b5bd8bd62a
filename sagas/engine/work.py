"""A step, or its undo, in a worker's hands: what its function is given, and how its participant is called."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from django.db import Error as DatabaseError

from outbox.messages import codec, trace
from outbox.retry import Retry

from .. import sql
from ..declare.context import Earlier, StatusChange, StepContext, UndoContext
from ..declare.saga import Saga, Step
from ..errors import RecordingFailed, Unfit
from ..models import RunStatus
from ..participants.breaker import Admission, answered, free, is_away, settled
from ..participants.breaker_cache import standings
from .lease import lease_seconds
from .recording import is_lost
from .transitions import Fenced

C = TypeVar("C")
V = TypeVar("V")

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
        _before(step, results_of(taken.run_id, taken.results)),
    )


def _before(step: Step[Any, Any], results: Earlier) -> Earlier:
    """The results of the steps before this one; no other can have one."""

    def result_of(name: str, type_: Any) -> Any:
        if all(earlier.name != name for earlier in step.saga.steps[: step.position]):
            why = f"{step.title} asks for the result of {name}, which is no step before it; ask for an earlier one's."
            raise Unfit(why)
        return results(name, type_)

    return result_of


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
                raise Unfit(f"{name} of {run_id} has no result: it is not done.")
            text = rows[0][0]
        try:
            return codec.decode(type_, text)
        except ValueError as error:
            raise Unfit(f"The result of {name} does not fit what it declares to return: {error}") from error

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
    except (DatabaseError, Fenced):  # the record that precedes a hook's first statement is made in the hook
        raise
    except Exception as error:
        raise RecordingFailed(f"a hook raised {type(error).__qualname__}: {error}") from error
    if is_lost():
        raise RecordingFailed(
            "a hook left the transaction to be rolled back: it swallowed a database error, or asked for it. "
            "Wrap what may fail in transaction.atomic(), or let the error through."
        )


def log_failure(logger: logging.Logger, event: str, taken: Taken, error: Exception) -> None:
    """Log a failed attempt; with a traceback unless it is the network, where a stack adds nothing to the text."""
    network = isinstance(error, ConnectionError | TimeoutError)
    logger.warning(event, exc_info=not network, extra={**facts(taken), "error": str(error)})
