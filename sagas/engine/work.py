"""A step, or its undo, that a worker has claimed, and what its function is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from uuid import UUID

from outbox.messages import codec, spans, trace
from outbox.retry import Retry

from .. import sql
from ..declare.context import Earlier, StatusChange, StepContext, UndoContext
from ..declare.saga import Saga
from ..declare.step import Step
from ..errors import Unfit
from ..models import RunStatus
from ..participants.breaker import Admission
from ..participants.lookup import is_free
from ..settings import saga_settings
from .beats import Heart, undeclared

Ahead = Callable[[Step[Any, Any]], str | None]
"""Whether a worker that has finished a step takes the one that follows: the task id for its attempt, or None."""

Told = Callable[["ClaimedStep"], None]


@dataclass(frozen=True, slots=True)
class Worker:
    """Who carries a step out."""

    name: str = ""
    task_id: str = ""
    ahead: Ahead = field(default=lambda _step: None)
    pools: bool = False
    """A run that it does not go on with waits for any worker, instead of for a message of its own."""
    met_shared: Callable[[], None] = field(default=lambda: None)
    """Told that the run that it has claimed shares the workers with others."""
    claimed: Told | None = None
    """Told of the step that it has claimed for a message, before it is carried out."""

    def next(self, step: Step[Any, Any]) -> Worker | None:
        """This worker with the step's task in hand; None when it leaves the step to a message.

        A participant that is away or has limits is asked by the message's own admission, and a step that takes long has
        a task of its own.
        """
        task_id = self.ahead(step) if rides(step) else None
        return None if task_id is None else replace(self, task_id=task_id)


@dataclass(frozen=True, slots=True)
class ClaimedStep:
    """A step, or its undo, that this worker has claimed."""

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

    def followed_by(
        self, step: Step[Any, Any], claim: sql.Claim, worker: Worker, results: dict[str, str]
    ) -> ClaimedStep:
        """The step that follows, for the same worker. Its participant is free: there is nothing to give back."""
        admission = Admission(step.participant, go=True)
        return replace(self, step=step, claim=claim, worker=worker, admission=admission, results=results)

    def changed(self, before: RunStatus, after: RunStatus, code: str = "", reason: str = "") -> StatusChange[Any]:
        """What the host's hook is told when this step ends the run."""
        return StatusChange(self.run_id, self.claim.key, self.input, before.value, after.value, "", code, reason, "")

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters by which the recording statements find the step, and the token that fences them."""
        return {"run": self.run_id, "position": self.step.position, "token": self.claim.token}

    @property
    def retry(self) -> Retry:
        """The step's, or its undo's."""
        return self.step.undo_retry if self.undo else self.step.retry

    @property
    def asked(self) -> int:
        """How often the participant may have been asked, this time included."""
        return self.claim.number - self.claim.forgiven

    @property
    def counted(self) -> int:
        """Attempts that count against the budget, this one among them; of a step of best effort each does."""
        tries = self.claim.number if self.step.best_effort and not self.undo else self.asked
        return tries - self.claim.granted

    @property
    def is_spent(self) -> bool:
        """Whether all attempts were made, and the last one ended with its worker."""
        most = self.retry.attempts
        return most is not None and self.counted > most

    @property
    def facts(self) -> dict[str, Any]:
        """For the log."""
        return {"key": self.claim.key, "run": str(self.run_id), "step": self.step.title, "attempt": self.claim.number}

    def span(self) -> AbstractContextManager[object]:
        """A span of a tracing library for this attempt."""
        name = f"undo {self.step.title}" if self.undo else f"step {self.step.title}"
        facts: spans.Facts = {
            "saga.run": str(self.run_id),
            "saga.key": self.claim.key,
            "saga.attempt": self.claim.number,
            "saga.participant": self.step.participant,
            "messaging.message.id": self.worker.task_id,
        }
        return spans.span(name, "internal", facts)


def rides(step: Step[Any, Any]) -> bool:
    """Whether a worker may claim the step beside other work: its call takes no slot, no turn and no trial, nor long."""
    return not step.beats and is_free(step.participant)


def lease_seconds(step: Step[Any, Any]) -> float:
    """How long a claim of the step holds, or a beat of it: its timeout, once more for its probe, and a margin."""
    asks = 2 if step.probe_run is not None else 1
    return (step.timeout * asks + saga_settings.LEASE_MARGIN).total_seconds()


def claimed_by(worker: Worker, step: Step[Any, Any], traced: trace.Trace) -> dict[str, Any]:
    """The parameters that a claim of the step writes; `traced` is the run's trace."""
    return {
        "position": step.position,
        "version": step.saga.version,
        "lease": lease_seconds(step),
        "worker": worker.name,
        "task": worker.task_id,
        "traceparent": traced.traceparent,
    }


def step_context(work: ClaimedStep) -> StepContext[Any]:
    """What the step's function is given."""
    step, claim = work.step, work.claim
    heart = Heart(work, lease_seconds(step)) if step.beats else None
    return StepContext(
        work.input,
        work.run_id,
        step_key(work.run_id, step),
        claim.number,
        step.timeout,
        _before(step, results_of(work.run_id, work.results)),
        beat=undeclared if heart is None else heart.beat,
        notes=str if heart is None else heart.last_note,
    )


def _before(step: Step[Any, Any], results: Earlier) -> Earlier:
    """The results of the steps before this one; no other can have one."""

    def result_of(name: str, type_: Any) -> Any:
        if name not in step.saga.before.get(step.name, ()):
            why = f"{step.title} asks for the result of {name}, which is no step before it; ask for an earlier one's."
            raise Unfit(why)
        return results(name, type_)

    return result_of


def undo_context(work: ClaimedStep) -> UndoContext[Any, Any]:
    """What its undo is given. Raises ValueError when the step's result cannot be read."""
    step, claim = work.step, work.claim
    key = step_key(work.run_id, step)
    result = None if claim.result is None else codec.decode(step.result_type, claim.result)
    return UndoContext(
        work.input,
        work.run_id,
        f"{key}.undo",
        key,
        result,
        claim.number,
        step.timeout,
        results_of(work.run_id, work.results),
    )


def step_key(run_id: UUID, step: Step[Any, Any]) -> str:
    """The idempotency key of a step of a run: the same for every attempt."""
    return f"{run_id}.{step.name}"


def results_of(run_id: UUID, known: Mapping[str, str] = MappingProxyType({})) -> Earlier:
    """Reads another step's result when it is needed, so that a run that needs none costs no statement.

    `known` are results, as JSON, that need no reading.
    """

    def result_of(name: str, type_: Any) -> Any:
        text = known.get(name)
        if text is None:
            given = {"run": run_id, "name": name}
            rows = sql.RESULT.rows(given) or sql.BRANCH_RESULT.rows(given)
            if not rows and sql.fetch(sql.PASSED_OVER, given):
                return None
            if not rows:
                raise Unfit(f"{name} of {run_id} has no result: it is not done.")
            text = rows[0][0]
        try:
            return codec.decode(type_, text)
        except ValueError as error:
            raise Unfit(f"The result of {name} does not fit what it declares to return: {error}") from error

    return result_of
