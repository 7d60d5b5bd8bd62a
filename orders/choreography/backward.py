"""A company undoes its part: it hears that somebody refused, undoes what may have happened, and reports it.

    @undoes(reserve_stock, on=(StockRefused, ShipmentRefused, …))
    def stock_released(order_id): return StockReleased(order_id)

All undo at the same time, each by its step's key: what may have happened is undone, a step in doubt included, and
undoing what never happened succeeds. An undo that keeps failing leaves the order to a person, who requeues its dead
letter.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from outbox import Message, PermanentFailure, RetryAfter, registry, subscribe
from sagas import Step
from sagas.engine.decide import Cost, Record, Wait, decide_undo
from sagas.models import StepStatus
from sagas.participants.answers import Done, Failure
from sagas.participants.answers import Refusal as SaidNo

from ..sagas import Checkout
from . import asking, journeys, turning
from .contexts import undo_context
from .events import Fact, Refusal
from .journeys import Begun

Told = Callable[[UUID], Fact]


def undoes(step: Step[Checkout, Any], *, on: tuple[type[Refusal], ...]) -> Callable[[Told], Told]:
    """Have the step undone on each of the events; the decorated function makes the event that reports it."""

    def declare(undone: Told) -> Told:
        def handle(message: Message[Refusal], was: bool) -> None:
            if was:
                turning.record_undone(message.body.order_id, step, undone(message.body.order_id))

        for event in on:
            name = name_of(step, event)
            subscribe(
                event,
                name=name,
                retry=step.undo_retry,
                call=lambda message: attempt(step, message),
                gave_up=_park(step, name),
            )(handle)
        return undone

    return declare


def name_of(step: Step[Checkout, Any], event: type[Refusal]) -> str:
    """The subscriber's name, such as `warehouse.release_stock_on_shipment_refused`."""
    undo: Any = step.undo_run
    happened = registry.event_of(event).name.rpartition(".")[2]
    return f"{step.participant}.{undo.__name__}_on_{happened}"


def attempt(step: Step[Checkout, Any], message: Message[Refusal]) -> bool:
    """Undo the step once; False when there is nothing to undo. Raises RetryAfter, or whatever went wrong."""
    order_id = message.body.order_id
    admitted = asking.admission(step, order_id)
    if not admitted.go:
        delay = timedelta(seconds=admitted.wait)
        turning.put_undo_off(order_id, step, delay, away=admitted.away)
        raise RetryAfter(delay, admitted.why)
    begun = turning.begin_undo(order_id, step)
    if begun is None or step.undo_run is None:
        asking.unused(admitted)
        return False
    answer = asking.call(admitted, partial(_undo, order_id, step), begun)
    decision = decide_undo(answer, asking.Attempted(step, step.undo_retry, message.attempt, begun.asked, answer))
    if isinstance(decision, Record):
        return True
    assert not isinstance(answer, Done), "what is done is recorded"  # noqa: S101
    if isinstance(answer, SaidNo):
        raise PermanentFailure(f"{answer.error.code}: {answer.error.text}") from answer.error
    _come_again(step, order_id, decision if isinstance(decision, Wait) else Wait(timedelta(0)), answer)
    raise answer.error


def _undo(order_id: UUID, step: Step[Checkout, Any], begun: Begun) -> None:
    assert step.undo_run is not None, "there is nothing to undo without one"  # noqa: S101
    step.undo_run(undo_context(order_id, step, begun))


def _come_again(step: Step[Checkout, Any], order_id: UUID, wait: Wait, answer: Failure) -> None:
    """Note when. Raises RetryAfter where that costs no attempt."""
    delay = asking.delay_of(wait, answer)
    turning.put_undo_off(order_id, step, delay, away=asking.is_away(wait, answer))
    if wait.cost is not Cost.COUNTS:
        raise RetryAfter(delay, str(answer.error)) from answer.error


def _park(step: Step[Checkout, Any], subscriber: str) -> Callable[[Message[Refusal], Exception], bool]:
    def gave_up(message: Message[Refusal], error: Exception) -> bool:
        """Where there is nothing to undo any more nobody need look."""
        why = f"Undoing {step.name} failed: {error} Mend that, then requeue its dead letter to {subscriber}."
        return not journeys.park(message.body.order_id, step.name, StepStatus.UNDO_FAILED, error, why)

    return gave_up
