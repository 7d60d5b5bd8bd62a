"""A run that fails for so long that a person is asked, while it is still being tried.

It is on the desk like one that is stuck: the host's hook hears `stuck`, and every list and count has it. The machine
does not stop hoping: the attempt that succeeds takes it off again, and the host hears `running`, or `undoing`. When a
person is asked says `decide.needs_person`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from ..declare.context import StatusChange
from ..errors import STILL_FAILING
from ..models import Act, Run, RunStatus, Step
from ..settings import saga_settings
from .transitions import held, save, tell_host
from .work import ClaimedStep

logger = logging.getLogger(__name__)

ENGINE = "the engine"
"""Who acts, in the record."""
ASKED, WENT_ON = "ask_for_a_person", "go_on_by_itself"


def ask_for_lost(work: ClaimedStep) -> ClaimedStep:
    """Ask a person if worker after worker was lost with a step without a limit of attempts: none could report it."""
    if work.retry.attempts is not None or work.claim.asks or work.counted <= saga_settings.ASK_AFTER:
        return work
    with transaction.atomic():
        ask(*held(work.run_id, work.step.position, work.claim.token))
    return replace(work, claim=replace(work.claim, asks=True))


def ask(run: Run, step: Step) -> None:
    """Put the run, which is locked and tried again, on a person's desk as well; once."""
    step.error_code = step.error_code or STILL_FAILING
    save(step)
    if run.asks_since is not None:
        _follow(run, step)
        return
    tries = step.undo_attempts if run.status == RunStatus.UNDOING else step.attempts
    what = f"Undoing {step.name}" if run.status == RunStatus.UNDOING else step.name
    last = step.error_text or "its worker was lost each time."
    why = f"{what} has failed {tries} times, and is still being tried: {last}"
    run.asks_since, run.row_version = Now(), F("row_version") + 1
    run.desk_since, run.desk_step, run.desk_code = Now(), step.name, step.error_code
    run.save(update_fields=["asks_since", "desk_since", "desk_step", "desk_code", "row_version"])
    run.refresh_from_db(fields=["asks_since", "desk_since", "row_version"])
    _note(run.pk, ASKED, why, run.status, RunStatus.STUCK)
    facts = {"key": run.key, "run": str(run.pk), "step": step.name, "error": step.error_text}
    logger.error("saga.needs_person", extra=facts)
    tell_host(run, run.status, RunStatus.STUCK, code=step.error_code, reason=why)


def _follow(run: Run, step: Step) -> None:
    """The desk groups the run by what the latest attempt failed with."""
    if run.desk_code != step.error_code:
        run.desk_code = step.error_code
        run.save(update_fields=["desk_code"])


def went_on(work: ClaimedStep) -> None:
    """Record that the run leaves the desk by itself, with the record of its step; the host's hook is called first."""
    after = RunStatus.UNDOING if work.undo else RunStatus.RUNNING
    hook = work.saga.told
    if hook is not None:
        change = (work.run_id, work.claim.key, work.input, RunStatus.STUCK.value, after.value, work.step.name)
        hook(StatusChange(*change, "", "", ""))
    why = f"{work.step.name} succeeded at attempt {work.claim.number}."
    note_went_on(work, why)


def note_went_on(work: ClaimedStep, why: str) -> None:
    """Write into the run's record that it leaves the desk by itself."""
    after = RunStatus.UNDOING if work.undo else RunStatus.RUNNING
    _note(work.run_id, WENT_ON, why, RunStatus.STUCK, after)


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
