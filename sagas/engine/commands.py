"""What callers outside a worker ask of the engine: start, cancel and wake a run. See `Saga.start`, `cancel`, `wake`."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from outbox import NotInTransaction, publish
from outbox.ids import uuid7
from outbox.messages import codec, trace
from outbox.messages.texts import plain
from outbox.publishing.publish import gathering, ring_after_commit
from outbox.sql import columns

from .. import sql
from ..declare.saga import Saga
from ..declare.stake import LARGEST, Stake
from ..errors import LONGEST_CODE, TooLate, Unfit
from ..models import OPEN, Act, Run, RunStatus, Step, StepStatus
from ..settings import is_pooled, saga_settings
from .attributes import attributes_of
from .diagnosis import clock
from .queued import RunQueued, ticket_of
from .run_ready import RunReady, ring_on_commit
from .slow_starts import slow_starts
from .transitions import begin_undo, leased, locked, passed_pivot, ready

T = TypeVar("T")
LONGEST_KEY, LONGEST_SUBJECT = 200, 300  # characters; the columns'
TURNED = (RunStatus.COMPENSATED, RunStatus.UNDOING)
WAITING = (StepStatus.WAITING, StepStatus.UNDO_WAITING)
MOVING = (RunStatus.RUNNING, RunStatus.UNDOING)

_START = {
    (False, False): sql.START,
    (False, True): sql.START_WITH_ATTRIBUTES,
    (True, False): sql.START_QUEUED,
    (True, True): sql.START_QUEUED_WITH_ATTRIBUTES,
}
"""By whether the run has a ticket, and whether it has attributes."""


def start(
    saga: Saga[T], input: T, *, key: str, subject: str, priority: int | None = None, share: str | None = None
) -> UUID:
    """Accept a run in the caller's transaction: run, steps, and the outbox row that brings its chain."""
    return accept(saga, input, key=key, subject=subject, priority=priority, share=share)[0]


def accept(
    saga: Saga[T], input: T, *, key: str, subject: str, priority: int | None = None, share: str | None = None
) -> tuple[UUID, bool]:
    """As `start`; says also whether the run is new."""
    if not connection.in_atomic_block:
        raise NotInTransaction(f"Start {saga.name} inside transaction.atomic(), with the change that it belongs to.")
    current = trace.current()
    run_id = uuid7()
    stake = stake_of(saga, input)
    values = {
        "id": run_id,
        "name": saga.name,
        "version": saga.version,
        "key": key,
        "subject": subject,
        "input": accepted(saga, input, key, subject),
        "pivot": saga.point_of_no_return,
        "deadline": saga.deadline.total_seconds() if saga.deadline else None,
        "patience": saga_settings.PATIENCE.total_seconds(),
        "request_id": current.request_id,
        "traceparent": current.traceparent,
        "names": [step.name for step in saga.steps],
        "stake": stake.amount if stake else None,
        "stake_currency": stake.currency if stake else None,
        "pooled": is_pooled() and not slow_starts.has(saga),
    }
    ticket = ticket_of(saga, input, share, priority)
    ready = RunReady(run_id, saga.name, saga.version, undo=False, position=0)
    with gathering() as messages:
        publish(ready if ticket is None else RunQueued(run_id), key=key)
    attributes = attributes_of(saga, input)
    values |= {**columns(messages), "attributes": attributes} | (ticket or {}) | ({"pooled": None} if ticket else {})
    if _START[ticket is not None, attributes is not None].count(values) == 0:
        return Run.objects.values_list("id", flat=True).get(name=saga.name, key=key), False
    ring_after_commit(urgent=True)
    return run_id, True


def stake_of(saga: Saga[T], input: T) -> Stake | None:
    """The value at stake. Raises Unfit for what the columns cannot keep."""
    stake = saga.stake(input) if saga.stake else None
    if stake is not None and not (isinstance(stake, Stake) and abs(stake.amount) < LARGEST):
        raise Unfit(f"{saga.name}: its stake is {stake!r}; give a Stake below {LARGEST:f}, or None.")
    return stake


def accepted(saga: Saga[T], input: T, key: str, subject: str) -> str:
    """The input as JSON that every worker can read back. Raises Unfit, with what does not fit."""
    for name, text, longest in (("key", key, LONGEST_KEY), ("subject", subject, LONGEST_SUBJECT)):
        if len(text) > longest or plain(text) != text:
            raise Unfit(f"{saga.name}: {name}={text!r:.80}; give at most {longest} characters that PostgreSQL stores.")
    kind = getattr(saga.input_type, "__name__", str(saga.input_type))
    try:
        text = codec.encode(input)
        codec.decode(saga.input_type, text)
    except (TypeError, ValueError) as error:
        what = f"{saga.name} is about {kind}, and this {type(input).__name__} does not fit it"
        raise Unfit(f"{what}: {error}. Give a {kind}.") from error
    if codec.NUL in text and codec.storable(input) != text:
        raise Unfit(f"{saga.name}: the input holds NUL, which PostgreSQL does not store. Leave it out.")
    return text


def cancel(saga: Saga[Any], key: str, *, reason: str, actor: str, code: str = "cancelled") -> None:
    """Have the run undone if its pivot has not been asked for; a run that is being undone already is left as it is.

    It writes a flag, which every claim reads under the run's lock, so that exactly one of cancel and pivot wins.
    `actor` is who asks, in words; `code` says why to programs. Raises TooLate after the pivot's claim, and for a run
    that has ended or is on a person's desk; Run.DoesNotExist when no run has the key.
    """
    code, reason = plain(code, LONGEST_CODE), plain(reason)
    with transaction.atomic():
        run = Run.objects.select_for_update().get(name=saga.name, key=key)
        if run.status in TURNED or (run.status == RunStatus.RUNNING and run.cancel_requested_at is not None):
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
                ring_on_commit(turned, run)
        after = {"status": run.status, "cancel_requested": True}
        Act.objects.create(
            run=run, actor_name=actor, verb="cancel", reason=reason, at=Now(), before=before, after=after
        )


def wake(saga: Saga[Any], key: str, step: str) -> bool:
    """See `Saga.wake`. The run is locked, so that a step about to be put down is either seen in hand, or waiting."""
    with transaction.atomic():
        found = Run.objects.filter(name=saga.name, key=key, status__in=OPEN).values_list("pk", flat=True).first()
        run = None if found is None else locked(found)
        at = None if run is None else run.steps.filter(position=run.position).first()
        if run is None or at is None or (step and at.name != step):
            return False
        return bring_forward(run, at)


def bring_forward(run: Run, at: Step) -> bool:
    """Have the run, which is locked, look again at its current step, at once or as the attempt in hand ends.

    Returns whether it waits there, and for nothing that stands in its way.
    """
    if run.status not in MOVING or run.paused_at is not None or run.waits_for:
        return False
    if leased(at, clock()):
        at.woken = True
        at.save(update_fields=["woken"])
        return True
    return at.status in WAITING and _bring_back(run, at)


def _bring_back(run: Run, step: Step) -> bool:
    step.next_attempt_at = Now()
    step.save(update_fields=["next_attempt_at"])
    run.wake_at = Now() + saga_settings.PATIENCE
    run.save(update_fields=["wake_at"])
    ring_on_commit(ready(run), run)
    return True
