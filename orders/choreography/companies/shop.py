"""The shop's part: it confirms an order whose parcel is on its way, and cancels one when all have undone their part."""

from __future__ import annotations

from orders.sagas import send_confirmation
from outbox import Message, Retry, registry, subscribe
from sagas.models import StepStatus

from .. import journeys, turning
from ..contexts import step_context
from ..events import (
    WITHDRAWN,
    CaptureRefused,
    Fact,
    ParcelDispatched,
    PaymentRefused,
    PaymentReleased,
    ShipmentCancelled,
    ShipmentRefused,
    StockRefused,
    StockReleased,
)

CONFIRM = "shop.confirm_order"
REPORTS = (PaymentReleased, StockReleased, ShipmentCancelled)
REFUSALS = (PaymentRefused, StockRefused, ShipmentRefused, CaptureRefused, *WITHDRAWN)


def given_up(message: Message[ParcelDispatched], error: Exception) -> bool:
    """The order is paid and cannot be confirmed: a person looks."""
    why = f"send_confirmation: {error} Mend that, then requeue its dead letter to {CONFIRM}."
    return not journeys.park(message.body.order_id, send_confirmation.name, StepStatus.IN_DOUBT, error, why)


@subscribe(ParcelDispatched, name=CONFIRM, retry=send_confirmation.retry, gave_up=given_up)
def confirm_order(message: Message[ParcelDispatched]) -> None:
    """The order is confirmed, and the event that its e-mail hangs on is written: one transaction, exactly once."""
    order_id = message.body.order_id
    begun = journeys.begin(order_id, send_confirmation)
    if begun is not None:
        send_confirmation.run(step_context(order_id, send_confirmation, begun))
        journeys.finish(order_id, send_confirmation)


def close(message: Message[Fact]) -> None:
    """The order is cancelled when nothing of it is left with anybody."""
    turning.close_if_undone(message.body.order_id)


def close_on(event: type[Fact]) -> None:
    """Have the order closed when this has happened to it; a person looks at one that cannot be."""
    name = f"shop.close_order_on_{registry.event_of(event).name.rpartition('.')[2]}"

    def given_up(message: Message[Fact], error: Exception) -> bool:
        why = f"Closing the order failed: {error} Mend that, then requeue its dead letter to {name}."
        return not turning.park_unclosed(message.body.order_id, why)

    subscribe(event, name=name, retry=Retry(attempts=8), gave_up=given_up)(close)


for _event in (*REFUSALS, *REPORTS):
    close_on(_event)
