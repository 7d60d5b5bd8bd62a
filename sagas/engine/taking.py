"""Takes runs that wait for any worker: steps that are claimed, and runs that only a message of their own can bring."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from outbox.messages import codec, trace
from outbox.relay import lookback

from .. import sql
from ..declare import registry
from ..declare.step import Step
from ..participants.breaker import Admission
from ..settings import saga_settings
from .executor import park_unreadable
from .run_ready import RunReady
from .work import ClaimedStep, Worker, lease_seconds, rides

logger = logging.getLogger(__name__)
ready_times = lookback.of_times("saga_run", "ready_at", "ready_at IS NOT NULL AND paused_at IS NULL")


@dataclass(frozen=True, slots=True)
class TakenStep:
    """A claimed step and the trace of its run."""

    work: ClaimedStep
    trace: trace.Trace
    shares: bool = False
    """Whether the run shares the workers: when it ends, another of its share may be let in."""


@dataclass(slots=True)
class Taken:
    """What PostgreSQL has handed out."""

    steps: list[TakenStep] = field(default_factory=list)
    left: list[tuple[RunReady, trace.Trace]] = field(default_factory=list)
    """Runs that are to go on by a message of their own, as those whose participant has limits or is away."""
    found: int = 0
    """How many runs have left the queue."""


def take(
    most: int,
    worker: Worker,
    wants: Callable[[Step[Any, Any]], bool] = lambda _step: True,
    *,
    these: Sequence[UUID] | None = None,
) -> Taken:
    """Take up to `most` runs, those first that wait longest; none is given to two workers.

    `worker` is who carries the steps out; each gets a task id of its own. A run at a step that it does not want leaves
    the queue as one that only a message of its own can bring. With `these`, which were let in, no others are taken.
    """
    sagas = registry.all_sagas()
    steps = [step for saga in sagas for step in saga.steps if rides(step) and wants(step)]
    statement = sql.TAKE if these is None else sql.TAKE_THESE
    rows = statement.rows(
        {
            "declared": [f"{saga.name} {saga.version}" for saga in sagas],
            "names": [step.saga.name for step in steps],
            "versions": [step.saga.version for step in steps],
            "positions": [step.position for step in steps],
            "leases": [lease_seconds(step) for step in steps],
            "since": ready_times.since() if these is None else None,
            "ids": these,
            "most": most,
            "worker": worker.name,
            "patience": saga_settings.PATIENCE.total_seconds(),
        }
    )
    taken = Taken(found=len(rows))
    for row in rows:
        try:
            _sort_in(taken, worker, *row)
        except Exception:  # the lease of this one ends; the others are in hand
            logger.exception("saga.not_taken", extra={"run": str(row[0])})
    return taken


def give_back(steps: Sequence[TakenStep]) -> list[TakenStep]:
    """End the claims of steps whose participants nobody has asked; returns those whose runs now need a message.

    A run that somebody else holds just then gets none: the sweep brings it. It has spent no attempt either.
    """
    rows = sql.UNTAKE.rows(_claims_of(steps) | {"patience": saga_settings.PATIENCE.total_seconds()})
    given = {run_id for (run_id,) in rows}
    if held := [one for one in steps if one.work.run_id not in given]:
        sql.LET_GO.count(_claims_of(held))
    return [one for one in steps if one.work.run_id in given]


def _claims_of(steps: Sequence[TakenStep]) -> dict[str, Any]:
    works = [one.work for one in steps]
    return {
        "runs": [work.run_id for work in works],
        "positions": [work.step.position for work in works],
        "tokens": [work.claim.token for work in works],
    }


def awaited(ready: Sequence[RunReady]) -> dict[UUID, bool]:
    """Those of the runs that still wait at their first step, and whether any worker may take them."""
    return dict(sql.AWAITED.rows({"ids": [one.run_id for one in ready]}))


def _sort_in(
    taken: Taken,
    worker: Worker,
    run_id: UUID,
    name: str,
    version: int,
    position: int,
    request_id: str,
    traceparent: str,
    token: UUID | None,
    task_id: str,
    key: str,
    input: str,
    number: int,
    forgiven: int,
    granted: int,
    plain: bool,
    shares: bool,
) -> None:
    step = registry.find(name, version).steps[position]
    traced = trace.start(request_id, traceparent).child()
    if token is None:
        if plain:
            taken.left.append((RunReady(run_id, name, version, undo=False, position=position), traced))
        return
    claim = sql.Claim(token, key, input, number, forgiven, granted, None)
    try:
        value = codec.decode(step.saga.input_type, input)
    except ValueError as error:
        park_unreadable(run_id, step, claim, error)
        return
    admission = Admission(step.participant, go=True)
    work = ClaimedStep(run_id, step.saga, step, claim, value, replace(worker, task_id=task_id), admission)
    taken.steps.append(TakenStep(work, traced, shares))
