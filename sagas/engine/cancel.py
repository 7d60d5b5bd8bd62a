"""Cancelling a run: a flag, read at every claim under the run's lock, so that exactly one of cancel and pivot wins."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from outbox.messages.texts import plain

from ..declare.saga import Saga
from ..errors import LONGEST_CODE, TooLate
from ..models import Act, Run, RunStatus
from .diagnosis import clock
from .run_ready import ring_on_commit
from .transitions import begin_undo, leased, passed_pivot

OVER = (RunStatus.COMPENSATED, RunStatus.UNDOING)


def cancel(saga: Saga[Any], key: str, *, reason: str, actor: str, code: str = "cancelled") -> None:
    """Have the run undone if its pivot has not been asked for; a run that is being undone already is left as it is.

    `actor` is who asks, in words; `code` says why to programs. Raises TooLate after the pivot's claim, and for a run
    that has ended or is on a person's desk; Run.DoesNotExist when no run has the key.
    """
    code, reason = plain(code, LONGEST_CODE), plain(reason)
    with transaction.atomic():
        run = Run.objects.select_for_update().get(name=saga.name, key=key)
        if run.status in OVER or (run.status == RunStatus.RUNNING and run.cancel_requested_at is not None):
            return
        step = run.steps.filter(position=run.position).first()
        if run.status != RunStatus.RUNNING or step is None or passed_pivot(run, step):
            raise TooLate(f"The run is {RunStatus(run.status).label}, and past the point where it can be cancelled.")
        before = {"status": run.status, "step": step.name}
        run.cancel_requested_at = Now()
        run.code, run.reason = code, reason
        run.save(update_fields=["cancel_requested_at", "code", "reason"])
        if not leased(step, clock()):  # else the worker that has the step in hand finds the flag at the next claim
            turned = begin_undo(run, code=code, reason=reason)
            if turned is not None:
                ring_on_commit(turned, run.key)
        after = {"status": run.status, "cancel_requested": True}
        Act.objects.create(
            run=run, actor_name=actor, verb="cancel", reason=reason, at=Now(), before=before, after=after
        )
