"""Orders whose runs are stuck, as one outage leaves them. The product `mug` must exist."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from sagas.models import Run, Step


def place(number: int) -> Order:
    wish = PlaceOrder(f"ann{number}@example.com", "pm_card_visa", (OrderedLine("mug", 1),))
    return place_order(wish, idempotency_key=f"k{number}").order


def stop(order: Order, code: str = "bank_away") -> None:
    """The bank does not answer the capture: the run is stuck there."""
    run = Run.objects.get(key=order.saga_key)
    position = run.steps.get(name="capture_payment").position
    Step.objects.filter(run=run, position__lt=position).update(status="done", attempts=1)
    Step.objects.filter(run=run, position=position).update(status="in_doubt", attempts=5, error_code=code)
    Run.objects.filter(pk=run.pk).update(
        status="stuck", position=position, code=code, reason="capture_payment: no answer", wake_at=None, ready_at=None,
        desk_since=timezone.now() - timedelta(hours=3), desk_step="capture_payment", desk_code=code,
    )  # fmt: skip
