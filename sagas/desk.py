"""What operators can do with a run: called by the admin and by code alike.

Each act locks the run, checks the state it was decided on, needs a reason, and writes who, when, why, before and after
in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from .dispatch import ring_on_commit
from .errors import SagaError, WrongState
from .look import clock
from .models import Act, Run, RunStatus, Step, StepStatus
from .transitions import begin_undo, change, finish, leased, locked, ready, save

Actor = AbstractBaseUser
Resolution = Literal["completed", "compensated"]
BACKWARD = {StepStatus.UNDO_DUE, StepStatus.UNDOING, StepStatus.UNDO_WAITING, StepStatus.UNDO_FAILED}
"""Where the run's current step shows that the run is on its way back, stuck or not."""


class ReasonMissing(SagaError):
    """Say why: whoever reads the record later has nothing else to go by."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def retry_now(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Try the step or the undo at which the run stands again, now, with one more attempt in its budget.

    `row_version` is the one the decision was made on; a run that has changed since is refused. Raises WrongState when
    the run has ended or a worker has the step in hand.
    """
    with _act("retry", run_id, actor, reason, row_version) as run:
        step = _current(run, "retry")
        undo = step.status in BACKWARD
        step.status = StepStatus.UNDO_WAITING if undo else StepStatus.WAITING
        if step.attempts == 0 and not undo:
            step.status = StepStatus.PENDING
        step.next_attempt_at = None
        step.granted = F("granted") + 1
        save(step)
        change(run, RunStatus.UNDOING if undo else RunStatus.RUNNING, wake_at=Now())
        ring_on_commit(ready(run), run.key)


def compensate(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Have everything that may have happened undone, the step in doubt among it.

    A pivot in doubt is asked for first, by its probe: should it have happened after all, the run goes forward instead,
    and without an answer it comes back to the desk with nothing undone. Raises WrongState when the pivot is done.
    """
    with _act("compensate", run_id, actor, reason, row_version) as run:
        step = _current(run, "compensate")
        if run.pivot is not None and run.position > run.pivot and run.status != RunStatus.UNDOING:
            raise WrongState("compensate", "past its point of no return", "Resolve it by hand, or start a return.")
        if step.status in BACKWARD:
            raise WrongState("compensate", "being undone already", "Retry the undo that failed.")
        turned = begin_undo(
            run, code="compensated_by_hand", reason=f"{run.reason} — undone by hand: {reason}".lstrip(" —")
        )
        if turned is not None:
            ring_on_commit(turned, run.key)


def resolve(run_id: UUID, *, actor: Actor, reason: str, ended: Resolution, row_version: int | None = None) -> None:
    """Close a stuck run: an operator has settled it outside, and says whether it counts as completed or as undone."""
    with _act("resolve", run_id, actor, reason, row_version) as run:
        if run.status != RunStatus.STUCK:
            raise WrongState("resolve", RunStatus(run.status).label, "Only a stuck run is resolved by hand.")
        run.resolution = ended
        finish(run, RunStatus.RESOLVED)


@dataclass(frozen=True, slots=True)
class Verb:
    """An act as the admin offers it."""

    name: str
    title: str
    explains: str
    permission: str
    do: Callable[..., None]


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "retry",
            "Retry now",
            "Tries the step at which the run stands once more, under the same idempotency key: what the participant "
            "did before is not done twice.",
            "sagas.retry_run",
            retry_now,
        ),
        Verb(
            "compensate",
            "Compensate",
            "Undoes every step that may have happened, the last one first. If the point of no return is in doubt, the "
            "participant is asked first: if it did happen, the run goes forward instead.",
            "sagas.compensate_run",
            compensate,
        ),
        Verb(
            "resolve",
            "Resolve by hand",
            "Closes the run without calling anybody: you have settled it with the participants yourself and say how it "
            "ended.",
            "sagas.resolve_run",
            resolve,
        ),
    )
}


def allowed(run: Run, verb: str) -> bool:
    """Whether the verb can be applied to the run as it is read here: what the admin shows as buttons."""
    if run.status not in (RunStatus.STUCK, RunStatus.RUNNING, RunStatus.UNDOING):
        return False
    if verb == "resolve":
        return run.status == RunStatus.STUCK
    if verb == "compensate":
        undoing = run.steps.filter(status__in=BACKWARD).exists()
        return not undoing and (run.pivot is None or run.position <= run.pivot)
    return True


@contextmanager
def _act(verb: str, run_id: UUID, actor: Actor, reason: str, row_version: int | None) -> Iterator[Run]:
    """The run, locked and as the operator saw it; the record of the act is written when the block ends well."""
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        run = locked(run_id)
        if row_version is not None and run.row_version != row_version:
            raise WrongState(verb, "no longer as you saw it", "Look at it again and decide anew.")
        before = _facts(run)
        yield run
        Act.objects.create(
            run=run,
            actor_id=actor.pk,
            actor_name=actor.get_username(),
            verb=verb,
            reason=reason.strip(),
            at=Now(),
            before=before,
            after=_facts(run),
        )


def _current(run: Run, verb: str) -> Step:
    """The step at which an open run stands, that no worker has in hand."""
    step = run.steps.filter(position=run.position).first()
    if step is None or run.status not in (RunStatus.STUCK, RunStatus.RUNNING, RunStatus.UNDOING):
        raise WrongState(verb, RunStatus(run.status).label)
    if leased(step, clock()):
        raise WrongState(verb, f"in a worker's hands at {step.name}", "Try again in a few seconds.")
    return step


def _facts(run: Run) -> dict[str, Any]:
    step = run.steps.filter(position=run.position).first()
    facts: dict[str, Any] = {"status": str(run.status), "code": run.code, "resolution": run.resolution}
    if step is not None:
        facts |= {"step": step.name, "step_status": str(step.status)}
    return facts
