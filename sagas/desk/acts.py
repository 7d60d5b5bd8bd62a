"""What all acts share: they lock the run, check that it is as the operator saw it, and write the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from outbox.messages.texts import plain

from ..engine.diagnosis import clock
from ..engine.transitions import leased, locked, save
from ..errors import SagaError, WrongState
from ..models import OPEN, Act, Attempt, BulkAct, Run, RunStatus, Step, StepStatus
from .second_person import proposal_facts

UNDO_STATUSES = {StepStatus.UNDO_DUE, StepStatus.UNDOING, StepStatus.UNDO_WAITING, StepStatus.UNDO_FAILED}
"""While the current step has one of these, the run is being undone, or was when it got stuck."""


_bulk: ContextVar[BulkAct | None] = ContextVar("saga_bulk_act", default=None)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody without a user account, such as whoever runs the command line on the server."""

    name: str


Actor = AbstractBaseUser | Person


class ReasonMissing(SagaError):
    """Say why: whoever reads the record later has nothing else to go by."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class DoesNotFit(SagaError):
    """What the operator gave does not fit the run, and nothing was done. The message says what does not fit."""


@dataclass(slots=True)
class PendingAct:
    """An act within its transaction: the locked run, and what the record says beside the run's snapshots."""

    verb: str
    run: Run
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@contextmanager
def act(verb: str, run_id: UUID, actor: Actor, reason: str, row_version: int | None) -> Iterator[PendingAct]:
    """Lock the run for one act, in a transaction; write the record when the block ends without an error.

    `row_version` is the version of the run that the operator decided on; None skips that check. Raises ReasonMissing,
    WrongState when the run has changed since, SecondPersonNeeded, and Run.DoesNotExist.
    """
    if not reason.strip():
        raise ReasonMissing
    proposal = proposal_facts(verb)
    with transaction.atomic():
        run = locked(run_id)
        if row_version is not None and run.row_version != row_version:
            raise WrongState(verb, "no longer as you saw it", "Look at it again and decide anew.")
        before, cause = snapshot(run) | proposal, cause_of(run)
        pending = PendingAct(verb, run)
        yield pending
        record(run, verb, actor, reason, before | pending.before, snapshot(run) | pending.after, cause=cause)


@contextmanager
def acting_for(bulk: BulkAct) -> Iterator[None]:
    """Within the block, the records of acts name this bulk act."""
    token = _bulk.set(bulk)
    try:
        yield
    finally:
        _bulk.reset(token)


def cause_of(run: Run) -> str:
    """Why the run needs an operator: the step and the code, with a blank between; empty when it needs none."""
    return f"{run.desk_step} {run.desk_code}" if run.needs_person else ""


def record(
    run: Run,
    verb: str,
    actor: Actor,
    reason: str,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    cause: str = "",
) -> Act:
    """Write the record of an act, in the caller's transaction. `cause` is why the run needed an operator before it."""
    return Act.objects.create(
        run=run,
        actor_id=None if isinstance(actor, Person) else actor.pk,
        actor_name=actor_name_of(actor),
        verb=verb,
        reason=plain(reason.strip()),
        at=Now(),
        before=before,
        after=after,
        bulk=_bulk.get(),
        cause=cause,
    )


def actor_name_of(actor: Actor) -> str:
    """The name under which the record knows the actor."""
    return actor.name if isinstance(actor, Person) else actor.get_username()


def current_step(pending: PendingAct, says: str, *, paused: bool = True) -> Step:
    """The current step of an open run that no worker has claimed. Raises WrongState otherwise.

    `says` is the act in the error's sentence; `paused` says whether the run may be paused.
    """
    run = pending.run
    step = run.steps.filter(position=run.position).first()
    if step is None or run.status not in OPEN:
        raise WrongState(says, RunStatus(run.status).label)
    if not paused and run.paused_at is not None:
        raise WrongState(says, "paused", "Resume it first.")
    if leased(step, clock()):
        raise WrongState(says, f"in a worker's hands at {step.name}", "Try again in a few seconds.")
    return step


def release_claim(run: Run, step: Step) -> None:
    """Release the claim of a worker whose lease has ended, without saving the step. What it still writes fails."""
    step.token, step.lease_until, step.next_attempt_at = None, None, None
    Attempt.objects.filter(run=run, ended_at=None).update(outcome=Attempt.Outcome.LOST, ended_at=Now())


def put_back_to_waiting(run: Run, step: Step) -> None:
    """Release a step whose worker is gone and put it back to waiting; do nothing when no worker claimed it."""
    if step.token is not None:
        release_claim(run, step)
        step.status = StepStatus.UNDO_WAITING if step.status in UNDO_STATUSES else StepStatus.WAITING
        save(step)


def save_field(run: Run, field: str) -> None:
    """Save one field of the run, and nothing of its position or its waits."""
    run.updated_at, run.row_version = Now(), F("row_version") + 1
    run.save(update_fields=[field, "updated_at", "row_version"])
    run.refresh_from_db(fields=["updated_at", "row_version"])


def snapshot(run: Run) -> dict[str, Any]:
    """The state of a run, as a record holds it before and after an act."""
    step = run.steps.filter(position=run.position).first()
    found: dict[str, Any] = {
        "status": str(run.status),
        "code": run.code,
        "resolution": run.resolution,
        "paused": run.paused_at is not None,
        "version": run.version,
    }
    if step is not None:
        found |= {"step": step.name, "step_status": str(step.status)}
    return found
