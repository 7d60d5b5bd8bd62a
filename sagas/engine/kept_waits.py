"""The rows that say what runs wait for. Each function expects the run locked, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from outbox import event, publish

from ..declare.step import Step
from ..models import Run, Wait


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a step waits for: the detail of the Awaits that it raises, which its awaiting hook is given."""

    words: str
    due_at: datetime | None
    """None for no limit."""


@event("sagas.answer_overdue", version=1)
@dataclass(frozen=True)
class AnswerOverdue:
    """Nobody has answered for as long as the declaration says; those who may are told, once."""

    run_id: UUID
    step: str


def open_wait(run_id: UUID, step: str) -> Wait | None:
    """The open wait of a step; None before its first attempt is recorded."""
    return Wait.objects.filter(run_id=run_id, step=step, over_at=None).first()


def keep(run_id: UUID, step: Step[object, object], awaited: Awaited) -> None:
    """Record that a step waits; the first record fixes its date. Remind people when that is due."""
    assert step.wait is not None, "only a step that waits has its wait kept"  # noqa: S101
    remind = step.wait.remind
    row = Wait(run_id=run_id, step=step.name, kind=step.wait.kind, words=awaited.words, since=Now())
    row.due_at, row.remind_at = awaited.due_at, None if remind is None else Now() + remind
    Wait.objects.bulk_create([row], ignore_conflicts=True)
    if remind is not None and _open(run_id, step.name).filter(remind_at__lte=Now(), reminded_at=None).update(
        reminded_at=Now()
    ):
        publish(AnswerOverdue(run_id, step.name), key=str(run_id))


def close(run_id: UUID, step: str = "") -> None:
    """Say that a wait is over: that of the step, or any of the run's."""
    (_open(run_id, step) if step else Wait.objects.filter(run_id=run_id, over_at=None)).update(over_at=Now())


def prolong(run: Run, by: timedelta) -> None:
    """Move the limits of signals and answers by the length of a pause. A date that is waited for stays."""
    waits = Wait.objects.filter(run=run, over_at=None).exclude(kind=Wait.Kind.TIMER)
    waits.update(due_at=F("due_at") + by, remind_at=F("remind_at") + by)


def _open(run_id: UUID, step: str):  # type: ignore[no-untyped-def]
    return Wait.objects.filter(run_id=run_id, step=step, over_at=None)
