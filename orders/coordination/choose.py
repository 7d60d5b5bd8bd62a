"""Who carries an order: the one place that knows both ways."""

from __future__ import annotations

from collections.abc import Callable

from sagas.models import StepStatus

from ..models import Order
from .by_events import ByEvents
from .by_saga import BySaga
from .coordinator import Coordinator
from .progress import Progress

WAYS: dict[str, Callable[[Order], Coordinator]] = {
    Order.Coordination.SAGA: BySaga,
    Order.Coordination.CHOREOGRAPHY: ByEvents,
}


def coordinator_of(order: Order) -> Coordinator:
    """What carries the order; chosen when it was placed, for good."""
    return WAYS[order.coordination](order)


def progress_of(order: Order) -> Progress | None:
    """How far the order has come; None for an order that nobody carries."""
    return coordinator_of(order).progress()


def capture_of(order: Order) -> str:
    """The status of the order's step that takes the money."""
    progress = progress_of(order)
    return progress.capture if progress else StepStatus.PENDING.value
