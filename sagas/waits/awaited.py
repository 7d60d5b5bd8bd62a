"""What the function of a step that waits does: it ends with what was waited for, or raises Awaits.

It runs in the transaction that records the step, with the run locked, as whoever sends a signal locks it: of a signal
and the end of its time exactly one is first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from outbox.messages import codec
from outbox.messages.texts import plain

from ..declare import waits
from ..declare.context import StepContext
from ..declare.step import Step
from ..engine import kept_waits
from ..engine.diagnosis import clock
from ..errors import Awaits, Refused, Unfit
from ..models import Signal, Wait
from .answers import NOT_APPROVED, Answer

NO_LIMIT = timedelta(days=365)
"""A step without a limit looks again after this; a signal wakes it."""


def look(step: Step[Any, Any], ctx: StepContext[Any]) -> Any:
    """End the wait and return what was waited for. Raises Awaits, Unfit, and an `else_` that is a Refused."""
    wait = _declared(step)
    kept, now = kept_waits.open_wait(ctx.run_id, step.name), clock()
    signal = None if wait.kind == waits.TIMER else unused(ctx, step.name)
    if signal is not None:
        result = _taken(step, signal)
        Signal.objects.filter(pk=signal.pk).update(used_at=Now())
        kept_waits.close(ctx.run_id, step.name)
        return result
    due = kept.due_at if kept is not None else _due(step, ctx, now)
    if due is not None and due <= now:
        kept_waits.close(ctx.run_id, step.name)
        return _timed_out(wait)
    words = kept.words if kept is not None else _words(wait, ctx)
    raise Awaits(_until_next_look(due, kept, wait, now), _said(wait, words, due), kept_waits.Awaited(words, due))


def unused(ctx: StepContext[Any], name: str) -> Signal | None:
    """The signal that waits for its step, if any."""
    return Signal.objects.filter(run_id=ctx.run_id, name=name, used_at=None).first()


def _taken(step: Step[Any, Any], signal: Signal) -> Any:
    """What the signal brought. Raises Refused for a person's no."""
    wait, text = _declared(step), codec.encode(signal.payload)
    try:
        if wait.kind == waits.SIGNAL:
            return codec.decode(step.result_type, text)
        answer = codec.decode(Answer, text)
        if answer.yes:
            return codec.decode(step.result_type, codec.encode(answer.form))
    except ValueError as error:
        raise Unfit(f"{step.title}: what came under {signal.sent_id} fits its type no longer: {error}") from error
    raise Refused(NOT_APPROVED, f"{answer.by} says no: {answer.words}")


def _timed_out(wait: waits.Wait) -> Any:
    if wait.kind == waits.TIMER:
        return None
    if isinstance(wait.else_, Refused):
        raise Refused(wait.else_.code, wait.else_.text)
    return wait.else_


def _due(step: Step[Any, Any], ctx: StepContext[Any], now: datetime) -> datetime | None:
    """When the wait is over. Raises Unfit for what is no such time."""
    wait = _declared(step)
    if wait.until is None:
        span = wait.for_(ctx) if callable(wait.for_) else wait.for_
        if span is None:
            return None
        if not isinstance(span, timedelta):
            raise Unfit(f"{step.title}: for_ gave {span!r}; have it return a timedelta.")
        return now + span
    due = getattr(ctx.input, wait.until) if isinstance(wait.until, str) else wait.until(ctx)
    if not isinstance(due, datetime) or timezone.is_naive(due):
        raise Unfit(f"{step.title}: until gave {due!r}; have it return a datetime with its time zone.")
    return due


def _until_next_look(due: datetime | None, kept: Wait | None, wait: waits.Wait, now: datetime) -> timedelta:
    times = [] if due is None else [due]
    if wait.remind is not None and (kept is None or kept.reminded_at is None):
        times.append(now + wait.remind if kept is None or kept.remind_at is None else kept.remind_at)
    return max(min(times) - now, timedelta(0)) if times else NO_LIMIT


def _words(wait: waits.Wait, ctx: StepContext[Any]) -> str:
    return "" if wait.says is None else plain(str(wait.says(ctx)))


def _said(wait: waits.Wait, words: str, due: datetime | None) -> str:
    """`leaves on 24 December: waits until 2026-12-24 08:00 UTC`."""
    until = f" until {timezone.localtime(due):%Y-%m-%d %H:%M %Z}" if due is not None else ""
    what = {waits.TIMER: "", waits.SIGNAL: " for an answer", waits.APPROVAL: " for a person"}[wait.kind]
    said = f"waits{what}{until}"
    return f"{words}: {said}" if words else said


def _declared(step: Step[Any, Any]) -> waits.Wait:
    assert step.wait is not None, "only a step that waits looks"  # noqa: S101
    return step.wait
