"""Carries runs through their steps. PostgreSQL says where a run is; a link of a chain only says where it expects it.

A link does this: take the step (one statement, committed), call the participant with no transaction open, record what
came of it together with the host's own writes and events (one transaction), and let the chain go on. Whatever else may
have happened in between, a crash, a doubled message, another worker, a cancel, is found out by `look`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, transaction

from outbox import NotInTransaction
from outbox.ids import uuid7
from outbox.messages import codec, trace
from outbox.messages.texts import plain

from .. import sql
from ..declare import registry
from ..declare.saga import Saga, Step
from ..errors import Unfit
from ..models import Attempt, Run, RunStatus, StepStatus
from ..participants.breaker import Admission, admit, settled, unconcerned
from ..participants.waiting import hold, put_off
from ..settings import saga_settings
from .backward import try_undo
from .decisions import STOP, Verdict, Wait
from .diagnosis import look
from .forward import try_step
from .lease import lease_seconds
from .run_ready import RunReady, ring_on_commit
from .transitions import Fenced, close_attempt, held, park, save
from .work import Taken, Worker, claimed_by

logger = logging.getLogger(__name__)
T = TypeVar("T")
LONGEST_KEY, LONGEST_SUBJECT = 200, 300  # characters; the columns'


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a chain, as a worker meets it."""

    run_id: UUID
    saga: str
    version: int
    step: str
    worker: Worker


def start(saga: Saga[T], input: T, *, key: str, subject: str) -> UUID:
    """Accept a run in the caller's transaction: run, steps, and the outbox row that brings its chain."""
    if not connection.in_atomic_block:
        raise NotInTransaction(f"Start {saga.name} inside transaction.atomic(), with the change that it belongs to.")
    current = trace.current()
    run_id = uuid7()
    pivot = saga.pivot_step
    values = {
        "id": run_id,
        "name": saga.name,
        "version": saga.version,
        "key": key,
        "subject": subject,
        "input": accepted(saga, input, key, subject),
        "pivot": pivot.position if pivot else len(saga.steps) - 1,
        "deadline": saga.deadline.total_seconds() if saga.deadline else None,
        "patience": saga_settings.PATIENCE.total_seconds(),
        "request_id": current.request_id,
        "traceparent": current.traceparent,
        "names": [step.name for step in saga.steps],
    }
    if sql.START.count(values) == 0:
        return Run.objects.values_list("id", flat=True).get(name=saga.name, key=key)
    ring_on_commit(RunReady(run_id, saga.name, saga.version, undo=False, position=0), key)
    return run_id


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


def run_step(link: Link) -> Verdict:
    """Carry out the step that a link names, if it is due; returns what the chain does next."""
    return _meet(link, undo=False)


def undo_step(link: Link) -> Verdict:
    """Carry out the undo of the step that a link names, if it is due; returns what the chain does next."""
    return _meet(link, undo=True)


def proceed(taken: Taken) -> Verdict:
    """Carry out the step, or the undo, that this worker has in hand.

    Should the lease have passed to another worker meanwhile, the step is that worker's to settle.
    """
    try:
        return try_undo(taken) if taken.undo else try_step(taken)
    except Fenced:
        logger.warning("saga.fenced", extra={"run": str(taken.run_id), "step": taken.step.title})
        return STOP


def _meet(link: Link, *, undo: bool) -> Verdict:
    step = registry.find(link.saga, link.version).named(link.step)
    admission = admit("" if _asks_nobody(link.run_id, step) else step.participant, lease_seconds(step))
    if not admission.go:
        return _put_aside(link, step, admission, undo=undo)
    taken = _take(link, step, admission, undo=undo)
    if taken is None:
        settled(admission, answered=None)
        return look(link.run_id, link.step, link.version, undo=undo)
    return proceed(taken)


def _asks_nobody(run_id: UUID, step: Step[Any, Any]) -> bool:
    """Whether the step asks its participant nothing for this run. Looked up only where it would make a difference."""
    if step.unless is None or unconcerned(step.participant):
        return False
    run = Run.objects.only("input").filter(pk=run_id).first()
    try:
        return run is not None and bool(step.unless(codec.decode(step.saga.input_type, codec.encode(run.input))))
    except ValueError:  # whoever takes the step finds out, and parks the run
        return False


def _put_aside(link: Link, step: Step[Any, Any], admission: Admission, *, undo: bool) -> Verdict:
    """The participant is away, or takes no more calls now: the run waits for it, and no attempt is spent."""
    if admission.away:
        if hold(link.run_id, step.position, undo, admission.name):
            return STOP
    elif put_off(link.run_id, step.position, undo, admission.wait):
        short = admission.wait <= saga_settings.SHORT_WAIT.total_seconds()
        return Wait(admission.wait, admission.why) if short else STOP
    return look(link.run_id, link.step, link.version, undo=undo)


def _take(link: Link, step: Step[Any, Any], admission: Admission, *, undo: bool) -> Taken | None:
    claim = sql.claim({"run": link.run_id, **claimed_by(link.worker, step)}, undo=undo)
    if claim is None:
        return None
    try:
        value = codec.decode(step.saga.input_type, claim.input)
    except ValueError as error:
        _park_unreadable(link.run_id, step, claim, error)
        return None
    return Taken(link.run_id, step.saga, step, claim, value, link.worker, admission, undo)


def _park_unreadable(run_id: UUID, declared: Step[Any, Any], claim: sql.Claim, error: ValueError) -> None:
    """An input that this code cannot read is a person's matter: no number of attempts mends it."""
    with transaction.atomic():
        run, step = held(run_id, declared.position, claim.token)
        close_attempt(step, Attempt.Outcome.OURS, error)
        step.forgiven += 1  # nobody was asked
        step.status = StepStatus.UNDO_FAILED if run.status == RunStatus.UNDOING else StepStatus.WAITING
        save(step)
        park(run, code="unreadable", reason=f"{declared.name}: the run's input does not fit this code: {error}")
