"""A company does its part: it hears an event, carries out a step of the checkout, and says what came of it.

    @carries_out(reserve_stock, on=PaymentAuthorized, refused=StockRefused)
    def stock_reserved(order_id, reservation): return StockReserved(order_id, reservation.key)

The participant is asked before the transaction; result, next event and inbox row commit in one. A lost answer is asked
for again under the same key, as often as the step's own Retry allows; then the probe is asked; then, before the
capture, the doubt counts as a refusal, and the step itself is undone by its key like the others. At or after the
capture nothing is undone: the message becomes a dead letter and the order needs a person, who requeues it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from outbox import Message, PermanentFailure, RetryAfter, subscribe
from outbox.consuming import failures
from outbox.messages.texts import plain
from sagas import Awaits, NotApplied, Refused, StepContext, Unavailable
from sagas.declare.saga import Step
from sagas.engine.asking import OWN_FAILURE
from sagas.models import StepStatus
from sagas.settings import saga_settings

from ..sagas import Checkout
from . import asking, journeys, turning
from .contexts import step_context
from .events import Fact, Refusal
from .journeys import Begun, before_capture

R = TypeVar("R")
Told = Callable[[Any, R], Fact]


@dataclass(frozen=True, slots=True)
class Done:
    """The participant did it."""

    result: Any


@dataclass(frozen=True, slots=True)
class NotDone:
    """The participant said no; or nobody knows, and asking on is pointless."""

    to: StepStatus
    error: Exception

    @property
    def code(self) -> str:
        """The company's own, when it said no; else whether it did not answer, or something went wrong with us."""
        if isinstance(self.error, Refused):
            return self.error.code
        return self.to.value if asking.is_theirs(self.error) else OWN_FAILURE


Outcome = Done | NotDone | None
"""None: it need not be asked for any more."""


def carries_out(
    step: Step[Checkout, R],
    *,
    on: type[Fact],
    refused: type[Refusal] | None = None,
    noted: Callable[[UUID, R], None] | None = None,
) -> Callable[[Told[R]], Told[R]]:
    """Have the step carried out for each event `on`; the decorated function makes the event that says so.

    `refused` is the event of a step that can still be refused; a step after the capture has none. `noted` writes what
    the shop keeps of the result, in the transaction that records it.
    """

    def declare(done: Told[R]) -> Told[R]:
        def handle(message: Message[Fact], outcome: Outcome) -> None:
            order_id = message.body.order_id
            if isinstance(outcome, Done):
                recorded = journeys.record(order_id, step, outcome.result, done(order_id, outcome.result))
                if recorded and noted is not None:
                    noted(order_id, outcome.result)
            elif outcome is not None:
                _turn(message, step, refused, outcome)

        def gave_up(message: Message[Fact], error: Exception) -> bool:
            """An order that turns goes on by itself: only one that does not needs a person, and a dead letter."""
            doubt = NotDone(StepStatus.IN_DOUBT, error)
            if refused is None or step.is_pivot:
                why = f"{step.name}: {error} Mend that, then requeue its dead letter to {name_of(step)}."
                return not journeys.park(message.body.order_id, step.name, doubt.to, error, why)
            _turn(message, step, refused, doubt)
            return True

        subscribe(
            on,
            name=name_of(step),
            retry=step.retry,
            call=lambda message: attempt(step, message),
            recover=lambda message, _: find(step, message),
            gave_up=gave_up,
        )(handle)
        return done

    return declare


def name_of(step: Step[Checkout, Any]) -> str:
    """The subscriber's name, such as `warehouse.reserve_stock`."""
    return f"{step.participant}.{step.name}"


def attempt(step: Step[Checkout, Any], message: Message[Fact]) -> Outcome:
    """Ask the participant once. Raises RetryAfter, or whatever went wrong, when the message shall come again."""
    order_id = message.body.order_id
    admitted = asking.admission(step, order_id)
    if not admitted.go:
        delay = timedelta(seconds=admitted.wait)
        journeys.put_off(order_id, step, delay, away=admitted.away, forgiven=False)
        raise RetryAfter(delay, admitted.why)
    begun = journeys.begin(order_id, step)
    if begun is None:
        asking.unused(admitted)
        return None
    context = step_context(order_id, step, begun)
    try:
        return Done(asking.call(admitted, step.run, context))
    except Refused as no:
        return _refused(step, begun, context, no)
    except Awaits as pause:
        raise _await(step, context, pause) from pause
    except RetryAfter as later:
        delay = max(later.delay, asking.SOONEST) * (1 + random.random() / 4)
        journeys.put_off(order_id, step, delay, away=isinstance(later, Unavailable), forgiven=True)
        raise RetryAfter(delay, str(later)) from later
    except Exception as error:  # whatever it was: the participant may have been asked
        return _doubt(step, message, context, error)


def find(step: Step[Checkout, Any], message: Message[Fact]) -> Outcome:
    """What the probe says became of the step, before it is given up; None when it does not say that it was done."""
    order_id = message.body.order_id
    begun = journeys.asked(order_id, step)
    found = None if begun is None else asking.probe(step, step_context(order_id, step, begun))
    return None if found is None or isinstance(found[0], NotApplied) else Done(found[0])


def _await(step: Step[Checkout, Any], context: StepContext[Checkout], pause: Awaits) -> RetryAfter:
    """Somebody else must act first. The participant was asked: its part is undone should the order turn."""
    hook = step.awaiting_run
    told = (lambda: hook(context, pause)) if hook else None
    delay = max(pause.delay, asking.SOONEST)
    journeys.put_off(context.run_id, step, delay, away=False, forgiven=False, told=told)
    return RetryAfter(delay, str(pause))


def _refused(step: Step[Checkout, Any], begun: Begun, context: StepContext[Checkout], no: Refused) -> Outcome:
    """A no turns the order until the card is charged. After a lost answer the capture's no is not believed alone."""
    if not (step.is_pivot or before_capture(step)):
        raise PermanentFailure(f"{no.code}: {no.text}") from no
    if step.is_pivot and begun.asked > 1:
        found = asking.probe(step, context)
        if found is None:
            raise PermanentFailure(f"{no.code}: {no.text}; an earlier answer was lost, and nobody says what became.")
        if not isinstance(found[0], NotApplied):
            return Done(found[0])
    return NotDone(StepStatus.REFUSED, no)


def _doubt(
    step: Step[Checkout, Any], message: Message[Fact], context: StepContext[Checkout], error: Exception
) -> Outcome:
    """The answer was lost: come again; else ask the probe; else it counts as a refusal, while nothing is charged.

    What we failed in ourselves spends no attempt: the outbox has the message come again.
    """
    if failures.is_infrastructure(error):
        raise error
    held, delay = asking.is_held(step, error), step.retry.delay_after(message.attempt, roll=0)
    if held or delay is None:
        found = asking.probe(step, context)
        if found is not None and not isinstance(found[0], NotApplied):
            return Done(found[0])
    if held:
        delay = asking.hold(step)
        journeys.put_off(message.body.order_id, step, delay, away=True, forgiven=False)
        raise RetryAfter(delay, str(error)) from error
    if delay is None and before_capture(step):
        return NotDone(StepStatus.IN_DOUBT, error)
    told = _asks(step, message, error)
    journeys.put_off(message.body.order_id, step, delay or timedelta(0), away=False, forgiven=False, told=told)
    raise error


def _asks(step: Step[Checkout, Any], message: Message[Fact], error: Exception) -> Callable[[], None] | None:
    """Tells a person of a step without a limit of attempts that has failed for long: it is still being tried.

    The order leaves the desk when the step is recorded.
    """
    if step.retry.attempts is not None or message.attempt < saga_settings.ASK_AFTER:
        return None
    why = f"{step.name} has failed {message.attempt} times, and is still being tried: {error}"
    return lambda: journeys.ask(message.body.order_id, plain(why))


def _turn(message: Message[Fact], step: Step[Checkout, Any], refused: type[Refusal] | None, no: NotDone) -> None:
    assert refused is not None, "only a step that can be refused says no"  # noqa: S101
    order_id = message.body.order_id
    turning.refuse(step, no.to, refused(order_id, no.code, plain(f"{step.name}: {no.error}")), no.error)
