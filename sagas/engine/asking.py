"""A run that fails for so long that a person is asked, while it is still being tried.

It is on the desk like one that is stuck: the host's hook hears `stuck`, and every list and count has it. The machine
does not stop hoping: the attempt that succeeds takes it off again, and the host hears `running`, or `undoing`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from ..declare.context import StatusChange
from ..errors import OwnFailure
from ..models import Act, Attempt, Run, RunStatus, Step
from ..settings import saga_settings
from .transitions import held, passed_pivot, save, tell_host
from .work import Taken, is_held

logger = logging.getLogger(__name__)

ENGINE = "the engine"
"""Who acts, in the record."""
ASKED, WENT_ON = "ask_for_a_person", "go_on_by_itself"
STILL_FAILING, OWN_FAILURE = "still_failing", "own_failure"
"""The step's error code while a person is asked, and that of a failure of our own; advice may be declared for both."""


def needed(taken: Taken, run: Run, step: Step, error: Exception, outcome: Attempt.Outcome) -> bool:
    """Whether the step has failed so often that a person should know. That a participant is away they see anyway."""
    most = saga_settings.ASK_AFTER
    match outcome:
        case Attempt.Outcome.OURS:
            return step.own_failures >= most or (isinstance(error, OwnFailure) and error.at_once)
        case Attempt.Outcome.IN_DOUBT:
            retry = taken.step.undo_retry if taken.undo else taken.step.retry
            return retry.attempts is None and taken.claim.counted >= most and not is_held(taken, error)
        case Attempt.Outcome.AWAY:  # before the pivot the deadline ends it
            onward = taken.undo or passed_pivot(run, step)
            return onward and step.forgiven >= most and not is_held(taken, error)
    return False


def ask_for_lost(taken: Taken) -> Taken:
    """Ask where worker after worker was lost with a step that has no limit of attempts: none of them could say so."""
    retry, claim = (taken.step.undo_retry if taken.undo else taken.step.retry), taken.claim
    if retry.attempts is not None or claim.asks or claim.counted <= saga_settings.ASK_AFTER:
        return taken
    with transaction.atomic():
        ask(*held(taken.run_id, taken.step.position, claim.token))
    return replace(taken, claim=replace(claim, asks=True))


def ask(run: Run, step: Step) -> None:
    """Put the run, which is locked and tried again, on a person's desk as well; once."""
    step.error_code = step.error_code or STILL_FAILING
    save(step)
    if run.asks_since is not None:
        return
    tries = step.undo_attempts if run.status == RunStatus.UNDOING else step.attempts
    what = f"Undoing {step.name}" if run.status == RunStatus.UNDOING else step.name
    last = step.error_text or "its worker was lost each time."
    why = f"{what} has failed {tries} times, and is still being tried: {last}"
    run.asks_since, run.row_version = Now(), F("row_version") + 1
    run.save(update_fields=["asks_since", "row_version"])
    run.refresh_from_db(fields=["asks_since", "row_version"])
    _note(run.pk, ASKED, why, run.status, RunStatus.STUCK)
    logger.error("saga.needs_person", extra={"run": str(run.pk), "step": step.name, "error": step.error_text})
    tell_host(run, run.status, RunStatus.STUCK, code=step.error_code, reason=why)


def went_on(taken: Taken) -> None:
    """Tell that the run leaves the desk by itself, in the transaction that records its step. The host is told first."""
    after = RunStatus.UNDOING if taken.undo else RunStatus.RUNNING
    hook = taken.saga.status_hook
    if hook is not None:
        change = (taken.run_id, taken.claim.key, taken.input, RunStatus.STUCK.value, after.value, taken.step.name)
        hook(StatusChange(*change, "", "", ""))
    why = f"{taken.step.name} succeeded at attempt {taken.claim.number}."
    _note(taken.run_id, WENT_ON, why, RunStatus.STUCK, after)


def _note(run_id: UUID, verb: str, reason: str, before: str, after: str) -> None:
    Act.objects.create(
        run_id=run_id,
        actor_name=ENGINE,
        verb=verb,
        reason=reason,
        at=Now(),
        before={"status": str(before)},
        after={"status": str(after)},
    )
