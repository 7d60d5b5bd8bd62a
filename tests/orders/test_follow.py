"""The order follows its saga: what the engine or an operator decides stands on the order in the same commit."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from orders.models import Order
from orders.participants import warehouse
from orders.sagas import checkout
from orders.services import place_order
from orders.validation import PlaceOrder
from outbox.models import OutboxMessage
from sagas import Refused, desk, engine
from sagas.models import Run, Step
from sagas.taken import Worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


@pytest.fixture
def stuck(order: Order, monkeypatch: pytest.MonkeyPatch) -> Order:
    """Paid, and then the warehouse does not let the goods go."""
    Step.objects.filter(position__lt=4).update(status="done", attempts=1)
    Step.objects.filter(name="reserve_stock").update(result={"key": "r", "status": "reserved", "lines": []})
    Run.objects.update(position=4)

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise Refused("released", "The reservation was released.")

    monkeypatch.setattr(warehouse, "commit", refuse)
    run = Run.objects.get()
    engine.run_step(engine.Link(run.pk, checkout.name, checkout.version, "commit_stock", Worker()))
    order.refresh_from_db()
    return order


def told(kind: str) -> int:
    return OutboxMessage.objects.filter(type=kind).count()


def test_an_order_whose_run_is_stuck_needs_attention(stuck: Order) -> None:
    assert Run.objects.get().status == "stuck"
    assert stuck.status == "needs_attention"
    assert "The reservation was released." in stuck.status_reason
    assert told("orders.order_needs_attention") == 1


@pytest.mark.parametrize(
    ("ended", "status", "event"),
    [
        ("completed", "confirmed", "orders.order_confirmed"),
        ("compensated", "cancelled", "orders.order_cancelled"),
    ],
)
def test_an_order_ends_as_the_operator_says(stuck: Order, ended: desk.Resolution, status: str, event: str) -> None:
    ann = get_user_model().objects.create_user("ann")
    desk.resolve(Run.objects.get().pk, actor=ann, reason="settled by telephone", ended=ended)
    stuck.refresh_from_db()
    assert stuck.status == status
    assert told(event) == 1


def test_an_order_is_processed_again_when_an_operator_sets_its_run_going(stuck: Order) -> None:
    ann = get_user_model().objects.create_user("ann")
    desk.retry_now(Run.objects.get().pk, actor=ann, reason="they found the goods")
    stuck.refresh_from_db()
    assert (stuck.status, stuck.status_reason) == ("processing", "")
