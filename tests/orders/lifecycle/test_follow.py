"""The order follows its saga: what the engine or an operator decides stands on the order in the same commit."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError

from orders.models import Order
from orders.participants import http, payments, warehouse
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.presentation.timeline import Timeline
from orders.sagas import checkout
from outbox.models import OutboxMessage
from sagas import Refused, desk
from sagas.engine import executor
from sagas.engine.work import Worker
from sagas.models import Run, Step

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
    executor.run_step(executor.TaskRef(run.pk, checkout.name, checkout.version, "commit_stock", Worker()))
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


def test_an_order_that_fails_for_long_says_that_a_person_is_asked_and_goes_on_by_itself(
    order: Order, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SAGAS_ASK_AFTER = 1
    Step.objects.filter(position__lt=4).update(status="done", attempts=1)
    Step.objects.filter(name="reserve_stock").update(result={"key": "r", "status": "reserved", "lines": []})
    Run.objects.update(position=4)
    answers: list[dict[str, object]] = [{"key": "r"}, {"key": "r", "status": "committed", "lines": []}]
    monkeypatch.setattr(http, "call", lambda *_args, **_given: http.Answer(200, answers.pop(0)))
    commit = executor.TaskRef(Run.objects.get().pk, checkout.name, checkout.version, "commit_stock", Worker())
    executor.run_step(commit)
    order.refresh_from_db()
    shown = Timeline.of(order)
    assert order.status == "needs_attention"
    assert "warehouse: gave an answer that cannot be used: 'lines'" in order.status_reason
    assert (shown.steps[4].label, shown.can_cancel) == ("needs a person", False)
    assert "trying again" in shown.steps[4].note
    Step.objects.update(next_attempt_at=None)
    executor.run_step(commit)
    order.refresh_from_db()
    assert (order.status, Run.objects.get().needs_person) == ("processing", False)
    assert Timeline.of(order).steps[4].label == "done"


def test_our_own_failure_is_not_said_to_be_the_companys(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_given: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(payments, "authorize", fail)
    link = executor.TaskRef(Run.objects.get().pk, checkout.name, checkout.version, "authorize_payment", Worker())
    executor.run_step(link)
    assert Timeline.of(order).steps[0].note.startswith("Something failed on our side; trying again")


def test_an_order_is_processed_again_when_an_operator_sets_its_run_going(stuck: Order) -> None:
    ann = get_user_model().objects.create_user("ann")
    desk.retry_now(Run.objects.get().pk, actor=ann, reason="they found the goods")
    stuck.refresh_from_db()
    assert (stuck.status, stuck.status_reason) == ("processing", "")
