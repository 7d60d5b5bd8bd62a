"""What the steps of `orders/sagas.py` are given when events carry the order: contexts like those of the engine."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from outbox.messages import codec
from sagas import Earlier, SagaError, Step, StepContext, UndoContext

from ..models import JourneyStep
from ..sagas import Checkout
from .journeys import Begun


def step_context(order_id: UUID, step: Step[Checkout, Any], begun: Begun) -> StepContext[Checkout]:
    """One attempt of a step. The order's id stands for the run's."""
    key = step_key(order_id, step)
    return StepContext(begun.order, order_id, key, begun.attempt, step.timeout, results_of(order_id))


def undo_context(order_id: UUID, step: Step[Checkout, Any], begun: Begun) -> UndoContext[Checkout, Any]:
    """One attempt of an undo."""
    key = step_key(order_id, step)
    result = None if begun.result is None else codec.decode(step.result_type, begun.result)
    earlier = results_of(order_id)
    return UndoContext(begun.order, order_id, f"{key}.undo", key, result, begun.attempt, step.timeout, earlier)


def step_key(order_id: UUID, step: Step[Checkout, Any]) -> str:
    """The idempotency key of a step of an order: the same for every attempt, and for every copy of a message."""
    return f"{order_id}.{step.name}"


def results_of(order_id: UUID) -> Earlier:
    """Reads what another company answered, when it is asked for."""

    def result_of(name: str, type_: Any) -> Any:
        text = JourneyStep.objects.filter(journey=order_id, name=name).values_list("result", flat=True).first()
        if text is None:
            raise SagaError(f"{name} of {order_id} has no result: it is not done.")
        return codec.decode(type_, text)

    return result_of
