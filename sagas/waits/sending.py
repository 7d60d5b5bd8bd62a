"""Bring a signal to a run. See `Saga.send`."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import JSONField, Value
from django.db.models.functions import Now

from outbox import NotInTransaction
from outbox.messages import codec
from outbox.messages.texts import plain

from ..declare import registry
from ..declare.saga import Saga
from ..declare.sent import Sent
from ..declare.step import Step as DeclaredStep
from ..declare.waits import SIGNAL
from ..engine import kept_waits
from ..engine.commands import bring_forward
from ..engine.diagnosis import clock, must_stop
from ..errors import TooLate, Unfit
from ..models import Run, RunStatus, Signal, Step, StepStatus

LONGEST_ID = 200  # characters; the column's
TURNED = (StepStatus.UNDO_DUE, StepStatus.UNDOING, StepStatus.UNDO_WAITING, StepStatus.UNDO_FAILED)


def send(saga: Saga[Any], key: str, name: str, payload: object, sent_id: str) -> Sent:
    """Keep the signal for its step, and wake the run where it waits there. It locks the run, as the step does."""
    if not connection.in_atomic_block:
        raise NotInTransaction(f"Send {name} inside transaction.atomic(), with the change that it belongs to.")
    if not 0 < len(sent_id) <= LONGEST_ID or plain(sent_id) != sent_id:
        raise Unfit(f"{name}: id={sent_id!r:.80}; give 1 to {LONGEST_ID} characters that PostgreSQL stores.")
    run = Run.objects.select_for_update().filter(name=saga.name, key=key).first()
    if run is None:
        raise Run.DoesNotExist(f"{saga.name} has no run with the key {key}: start it first.")
    declared = _declared(run, name)
    written = _written(declared, payload)
    known = Signal.objects.filter(run=run, name=name, sent_id=sent_id).first()
    if known is not None:
        return _again(declared, known, written)
    at = run.steps.filter(position=run.position).first()
    refuse_late(run, declared, at)
    store(run, name, sent_id, written)
    reached = at is not None and run.position == declared.position
    return Sent.TAKEN if reached and at is not None and bring_forward(run, at) else Sent.KEPT


def store(run: Run, name: str, sent_id: str, written: str) -> None:
    """Keep what was sent, JSON, until its step takes it."""
    plain_value = Value(codec.decode(Any, written), JSONField())  # a bare None would be SQL's null
    Signal.objects.create(run=run, name=name, sent_id=sent_id, payload=plain_value, at=Now())


def refuse_late(run: Run, declared: DeclaredStep[Any, Any], at: Step | None) -> None:
    """Raise TooLate unless the run waits for the signal, or still may. `at` is the run's current step."""
    late = _late(run, declared, at)
    if late:
        raise TooLate(f"{declared.title} came too late: {late}")


def _late(run: Run, declared: DeclaredStep[Any, Any], at: Step | None) -> str:
    """Why the signal comes too late; empty if it does not."""
    if run.finished_at is not None or at is None:
        return f"the run is {RunStatus(run.status).label}."
    if run.status == RunStatus.UNDOING or at.status in TURNED:
        return "the run is being undone."
    if run.position > declared.position:
        return "the run has gone on, without it or with another one."
    if (other := Signal.objects.filter(run=run, name=declared.name, used_at=None).first()) is not None:
        return f"another one, {other.sent_id}, came first."
    now = run.paused_at or clock()  # the time of a paused run stands still
    if (cause := must_stop(run, at, now)) is not None:
        return f"the run is about to be undone. {cause[1]}"
    wait = kept_waits.open_wait(run.pk, declared.name)
    if wait is not None and wait.due_at is not None and wait.due_at <= now:
        return f"its time was over at {wait.due_at:%Y-%m-%d %H:%M:%S} UTC."
    return ""


def _declared(run: Run, name: str) -> DeclaredStep[Any, Any]:
    saga = registry.find(run.name, run.version)
    found = next((step for step in saga.steps if step.name == name), None)
    if found is None or found.wait is None or found.wait.kind != SIGNAL:
        known = ", ".join(step.name for step in saga.steps if step.wait and step.wait.kind == SIGNAL)
        raise Unfit(f"{saga.name}, version {saga.version}, waits for no signal {name}. It has: {known or 'none'}.")
    return found


def _written(declared: DeclaredStep[Any, Any], payload: object) -> str:
    kind = getattr(declared.result_type, "__name__", str(declared.result_type))
    try:
        text = codec.storable(payload)
        codec.decode(declared.result_type, text)
    except (TypeError, ValueError) as error:
        what = f"{declared.title} brings {kind}, and this {type(payload).__name__} does not fit it"
        raise Unfit(f"{what}: {error}. Send {kind}.") from error
    return text


def _again(declared: DeclaredStep[Any, Any], known: Signal, written: str) -> Sent:
    if known.payload != codec.decode(Any, written):
        raise Unfit(
            f"{declared.title}: {known.sent_id} was sent before, with another payload. Give another signal another id."
        )
    return Sent.DUPLICATE
