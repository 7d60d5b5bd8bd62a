"""Records that steps are done, and claims what follows: one step by itself, or those of several runs together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import Error as DatabaseError
from django.db import connection

from outbox.consuming import failures
from outbox.messages import codec, spans, trace
from outbox.sql import NewMessage, columns

from .. import sql
from ..declare.context import StepContext
from ..declare.step import Step
from ..errors import LeaseLost, Unfit
from ..models import RunStatus
from ..participants.answers import Answer, Done, OurFailure
from ..settings import saga_settings
from .asking import went_on
from .continuation import CONTINUE, QUEUED, Continuation, RunNext
from .group_commit import GroupCommit
from .recording import Shared, hooks, recorded_with
from .work import ClaimedStep, Worker, claimed_by, lease_seconds, rides

logger = logging.getLogger(__name__)
Row = tuple[Any, ...]
WRITERS_AT_ONCE = 16
"""Runs in one transaction when their hooks write: each is locked for as long as the hooks of all take."""


@dataclass(frozen=True, slots=True)
class Called:
    """A step whose participant was asked, what it was asked with, and what came of it."""

    work: ClaimedStep
    context: StepContext[Any]
    answer: Answer
    trace: trace.Trace = field(default_factory=trace.current)
    """In which it was asked: of the steps that are recorded together each has its own."""


def record(called: Called, result: Any) -> Continuation:
    """Record the result, the run's next state and the host's writes and events, and claim the next step: one commit.

    Raises LeaseLost, Unfit, RecordingFailed and the database's errors.
    """
    outcome = Outcome.of(called, result)
    hook = outcome.hook()
    row = _write(outcome, []) if hook is None else recorded_with(hook, lambda messages: _write(outcome, messages))
    return outcome.recorded(row)


def record_together(calls: Sequence[Called]) -> list[Continuation | Called]:
    """The same for the steps of several runs that are Done, in one commit; an answer for each, in order.

    One that cannot be recorded with the others is given back, to be settled by itself: its lease has passed on,
    somebody holds its run, or the commit as a whole failed. One whose hook failed is given back with that failure as
    its answer.
    """
    if not calls:
        return []
    writes = any(call.work.step in _writers for call in calls)
    size = WRITERS_AT_ONCE if writes else len(calls)
    return [answer for n in range(0, len(calls), size) for answer in _record_together(calls[n : n + size])]


def stored(work: ClaimedStep, result: Any) -> str:
    """The result as it is kept. Raises Unfit for what cannot be."""
    try:
        return codec.storable(result)
    except Exception as error:
        raise Unfit(f"{work.step.title} is done, and what it returned cannot be kept as JSON: {error}") from error


@dataclass(slots=True, eq=False)
class Outcome:
    """A step that is done, and who carries out the one that follows."""

    work: ClaimedStep
    context: StepContext[Any]
    result: Any
    text: str
    """The result as JSON."""
    following: Step[Any, Any] | None
    worker: Worker | None
    """Who claims the following step with this record; None: nobody."""
    next_token: UUID | None
    trace: trace.Trace
    by_message: bool = False
    """Whether the run gets a message of its own rather than go back to the queue."""

    @classmethod
    def of(cls, called: Called, result: Any) -> Outcome:
        """Raises Unfit for a result that cannot be kept."""
        work = called.work
        text = stored(work, result)
        last = work.step.position == len(work.saga.steps) - 1
        following = None if last else work.saga.steps[work.step.position + 1]
        worker = None if following is None else work.worker.next(following)
        token = None if worker is None else uuid4()
        return cls(work, called.context, result, text, following, worker, token, called.trace)

    @property
    def ends(self) -> bool:
        """Whether it was the run's last step."""
        return self.following is None

    @property
    def is_pooled(self) -> bool:
        """Whether the run goes back to the queue from which any worker takes it."""
        return (
            not self.by_message
            and self.worker is None
            and self.following is not None
            and self.work.worker.pools
            and rides(self.following)
        )

    def hook(self) -> Callable[[], None] | None:
        """What the host, and the desk, write with the record; None when nobody does."""
        step, saga = self.work.step, self.work.saga
        leaves_desk = self.work.claim.asks and not step.local  # a local one has said so
        told = saga.told if self.ends else None
        if step.recorded_run is None and told is None and not leaves_desk:
            return None

        def hook() -> None:
            with hooks():
                if leaves_desk:
                    went_on(self.work)
                if step.recorded_run is not None:
                    step.recorded_run(self.context, self.result)
                if told is not None:
                    told(self.work.changed(RunStatus.RUNNING, RunStatus.COMPLETED))

        return hook

    def recorded(self, row: Row) -> Continuation:
        """What follows, by the row that the record returned."""
        if self.work.claim.asks:
            logger.info("saga.went_on", extra=self.work.facts)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("saga.step_done", extra=self.work.facts)
        number, forgiven, granted = row
        if self.following is None or self.worker is None or self.next_token is None or number is None:
            return QUEUED if self.is_pooled else CONTINUE
        work = self.work
        claim = sql.Claim(self.next_token, work.claim.key, work.claim.input, number, forgiven, granted, None)
        results = {**work.results, work.step.name: self.text}
        return RunNext(work.followed_by(self.following, claim, self.worker, results))


# --- One -----------------------------------------------------------------------------------------------------------


def _write(outcome: Outcome, messages: list[NewMessage]) -> Row:
    """Write that the step is done, and the messages; claim the next step if its worker is to go on.

    The row says no attempt when the next step was not to be had: paused, cancelled, past the deadline. Threads of a
    process that come at the same time share one statement. Raises LeaseLost.
    """
    told = _Told(outcome, messages)
    return _write_alone(told) if connection.in_atomic_block else _shared.do(told)


@dataclass(frozen=True, slots=True)
class _Told:
    outcome: Outcome
    messages: list[NewMessage]


def _write_alone(told: _Told) -> Row:
    outcome, messages, work = told.outcome, told.messages, told.outcome.work
    if outcome.is_pooled:  # no statement of its own for what is seldom
        row = _write_many([told]).get(work.claim.token)
        if row is not None:
            return row
        outcome.by_message = True  # the statement below waits for whoever holds the run, and knows no queue
    values = {
        **work.identity,
        "result": outcome.text,
        "last": outcome.ends,
        "status": (RunStatus.COMPLETED if outcome.ends else RunStatus.RUNNING).value,
        "patience": saga_settings.PATIENCE.total_seconds(),
        **(columns(messages) if messages else {}),
    }
    if outcome.following is None or outcome.worker is None:
        statement = sql.RECORD_AND_TELL if messages else sql.RECORD_STEP
    else:
        statement = sql.RECORD_TELL_AND_CLAIM if messages else sql.RECORD_AND_CLAIM
        claimed = {**claimed_by(outcome.worker, outcome.following, outcome.trace), "next_token": outcome.next_token}
        values |= {**claimed, "position": work.step.position}
    rows = statement.rows(values)
    if not rows:
        raise LeaseLost(f"{work.run_id}: the lease on {work.step.name} has passed to another worker.")
    return rows[0]


# --- Several -------------------------------------------------------------------------------------------------------


def _record_together(calls: Sequence[Called]) -> list[Continuation | Called]:
    """While the database is away, for as long as the leases have their margin, all wait together."""
    with _spans(calls):
        try:
            return _try_together(calls)
        except DatabaseError:
            again = partial(_try_together, calls)
            return failures.write_with_retry(again, saga_settings.LEASE_MARGIN.total_seconds())


def _spans(calls: Sequence[Called]) -> AbstractContextManager[object]:
    """A span for each record in the trace of its run, and one for the commit, linked with them."""
    if spans.library is None:
        return spans.NOTHING()
    parts = [
        spans.Part(f"record {one.work.step.title}", {"saga.run": str(one.work.run_id)}, one.trace) for one in calls
    ]
    return spans.library.together("record steps at once", "internal", parts)


def _try_together(calls: Sequence[Called]) -> list[Continuation | Called]:
    """Raises the errors of a database that is away."""
    answers: list[Continuation | Called] = list(calls)
    outcomes = _outcomes_of(calls, answers)
    told = list(outcomes.values())
    shared = Shared([_in_own_trace(one) for one in told])
    try:
        rows = shared.record(lambda messages: _rows_of(told, messages))
    except Exception as error:  # one of them: settled by themselves, each says which
        if _is_session_lost(error):
            raise
        facts = {"runs": len(calls), "error": str(error).strip()}
        logger.warning("saga.recorded_singly", exc_info=failures.stack_of(error), extra=facts)
        return answers
    _writers.update(told[place].work.step for place in shared.writers)
    for (place, outcome), row, failure in zip(outcomes.items(), rows, shared.failures, strict=True):
        if failure is not None:
            answers[place] = replace(calls[place], answer=OurFailure(failure))
        elif row is not None:
            answers[place] = outcome.recorded(row)
    return answers


def _outcomes_of(calls: Sequence[Called], answers: list[Continuation | Called]) -> dict[int, Outcome]:
    """By place; what cannot be kept is our failure, among the answers."""
    outcomes: dict[int, Outcome] = {}
    for place, call in enumerate(calls):
        assert isinstance(call.answer, Done), "only what is done is recorded"  # noqa: S101
        try:
            outcomes[place] = Outcome.of(call, call.answer.result)
        except Unfit as error:
            answers[place] = replace(call, answer=OurFailure(error))
    return outcomes


def _in_own_trace(outcome: Outcome) -> Callable[[], None] | None:
    """The outcome's hook, in the trace of its own run."""
    hook = outcome.hook()
    if hook is None:
        return None

    def traced() -> None:
        with trace.use(outcome.trace):
            hook()

    return traced


def _is_session_lost(error: Exception) -> bool:
    return isinstance(error, DatabaseError) and (connection.connection is None or not connection.is_usable())


def _rows_of(outcomes: list[Outcome], messages: list[list[NewMessage] | None]) -> list[Row | None]:
    """Record those that have messages, be it none; returns their rows, in order."""
    told = [_Told(one, some) for one, some in zip(outcomes, messages, strict=True) if some is not None]
    rows = _write_many(told) if told else {}
    return [rows.get(one.work.claim.token) for one in outcomes]


def _write_many(told: Sequence[_Told]) -> dict[UUID, Row]:
    """One statement for all; the rows of those that were recorded, by token."""
    outcomes = [one.outcome for one in told]
    claims = [
        (None, 0.0, "", "")
        if one.following is None or one.worker is None
        else (one.next_token, lease_seconds(one.following), one.worker.task_id, one.trace.traceparent)
        for one in outcomes
    ]
    values = {
        "runs": [one.work.run_id for one in outcomes],
        "positions": [one.work.step.position for one in outcomes],
        "tokens": [one.work.claim.token for one in outcomes],
        "results": [one.text for one in outcomes],
        "lasts": [one.ends for one in outcomes],
        "pools": [one.is_pooled for one in outcomes],
        "next_tokens": [token for token, *_ in claims],
        "leases": [lease for _, lease, *_ in claims],
        "tasks": [task for *_, task, _ in claims],
        "traceparents": [traceparent for *_, traceparent in claims],
        "worker": outcomes[0].work.worker.name,
        "patience": saga_settings.PATIENCE.total_seconds(),
        "event_tokens": [one.outcome.work.claim.token for one in told for _ in one.messages],
        **columns([message for one in told for message in one.messages]),
    }
    return {token: row for token, *row in sql.RECORD_MANY.rows(values)}  # type: ignore[misc]


_shared: GroupCommit[_Told, UUID, Row] = GroupCommit(
    _write_alone, _write_many, lambda told: told.outcome.work.claim.token
)
_writers: set[Step[Any, Any]] = set()
"""Steps whose hooks have been seen to write to the database, in this process."""
