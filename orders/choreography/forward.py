"""A company does its part: it hears an event, carries out a step of the checkout, and says what came of it.

    @carries_out(reserve_stock, on=PaymentAuthorized, refused=StockRefused)
    def stock_reserved(order_id, reservation): return StockReserved(order_id, reservation.key)

The participant is asked before the transaction; result, next event and inbox row commit in one. A lost answer is asked
for again under the same key, as often as the step's own Retry allows; then the probe is asked; then, before the
capture, the doubt counts as a refusal, and the step itself is undone by its key like the others. At or after the
capture nothing is undone: the message becomes a dead letter and the order needs a person, who requeues it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from outbox import Message, PermanentFailure, RetryAfter, subscribe
from outbox.masking import masked
from sagas import Refused, Step, StepContext
from sagas.engine.decide import Cost, Failures, Left, Park, Record, Undo, Wait, decide, needs_person
from sagas.errors import OWN_FAILURE
from sagas.models import StepStatus
from sagas.participants.answers import Awaiting, Done, Failure
from sagas.participants.answers import Refusal as SaidNo
from sagas.settings import saga_settings

from ..sagas import Checkout
from . import asking, journeys, turning
from .contexts import step_context
from .events import Fact, Refusal

R = TypeVar("R")
Told = Callable[[Any, R], Fact]


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
    answer = asking.call(admitted, step.run, context)
    asked = asking.Attempted(step, step.retry, message.attempt, begun.asked, answer)
    decision = decide(answer, asked, partial(asking.probe, step, context))
    if isinstance(decision, Record):
        return Done(decision.result)
    assert not isinstance(answer, Done), "what is done is recorded"  # noqa: S101
    match decision:
        case Undo(left):
            return NotDone(StepStatus(left.value), answer.error)
        case Wait():
            raise _come_again(asked, message, context, decision, answer)
        case Park(left):
            raise _given_up(step, message, left, answer)


def find(step: Step[Checkout, Any], message: Message[Fact]) -> Outcome:
    """What the probe says became of the step, before it is given up; None when it does not say that it was done."""
    order_id = message.body.order_id
    begun = journeys.asked(order_id, step)
    found = None if begun is None else asking.probe(step, step_context(order_id, step, begun))
    return found if isinstance(found, Done) else None


def _come_again(
    asked: asking.Attempted, message: Message[Fact], context: StepContext[Checkout], wait: Wait, answer: Failure
) -> Exception:
    """Note when the step comes again; returns what has the outbox bring the message back. Only a lost answer costs."""
    step, error = asked.step, answer.error
    told = _asks(asked, message, wait, answer) or _awaiting_hook(step, context, answer)
    delay, away = asking.delay_of(wait, answer), asking.is_away(wait, answer)
    journeys.put_off(context.run_id, step, delay, away=away, forgiven=wait.cost is Cost.FORGIVEN, told=told)
    return error if wait.cost is Cost.COUNTS else _caused(RetryAfter(delay, str(error)), error)


def _awaiting_hook(
    step: Step[Checkout, Any], context: StepContext[Checkout], answer: Failure
) -> Callable[[], None] | None:
    """Somebody else must act first. The participant was asked: its part is undone should the order turn."""
    hook = step.awaiting_run
    return partial(hook, context, answer.error) if hook and isinstance(answer, Awaiting) else None


def _given_up(step: Step[Checkout, Any], message: Message[Fact], left: Left, answer: Failure) -> Exception:
    """Returns what ends as a dead letter, and puts the order on the desk."""
    if not isinstance(answer, SaidNo):
        journeys.put_off(message.body.order_id, step, timedelta(0), away=False, forgiven=False)
        return answer.error
    no = answer.error
    if left is Left.REFUSED:
        return _caused(PermanentFailure(f"{no.code}: {no.text}"), no)
    return PermanentFailure(f"{no.code}: {no.text}; an earlier answer was lost, and nobody says what became.")


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def _asks(asked: asking.Attempted, message: Message[Fact], wait: Wait, answer: Failure) -> Callable[[], None] | None:
    """Tells a person of a step without a limit of attempts that has failed for long: it is still being tried.

    The order leaves the desk when the step is recorded.
    """
    endless = asked.retry.attempts is None
    failures = Failures(counted=asked.number, forgiven=0, own=0, endless=endless, onward=False)
    if not needs_person(answer, wait, asked, failures, saga_settings.ASK_AFTER):
        return None
    why = f"{asked.step.name} has failed {asked.number} times, and is still being tried: {answer.error}"
    return lambda: journeys.ask(message.body.order_id, masked(why))


def _turn(message: Message[Fact], step: Step[Checkout, Any], refused: type[Refusal] | None, no: NotDone) -> None:
    assert refused is not None, "only a step that can be refused says no"  # noqa: S101
    order_id = message.body.order_id
    turning.refuse(step, no.to, refused(order_id, no.code, masked(f"{step.name}: {no.error}")), no.error)
