"""An open page asks for one statement whether anything has changed, and no change escapes that."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from orders.lifecycle import status
from orders.models import CancelRequest, Journey, JourneyStep, Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.presentation import row_state
from orders.returns.models import Return
from sagas.models import Run, Step

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("products", "production_static")]


@pytest.fixture(params=["saga", "choreography"])
def order(request: pytest.FixtureRequest, wish: PlaceOrder, settings: Any) -> Order:
    settings.ORDERS_COORDINATION = request.param
    return place_order(wish, idempotency_key="k1").order


def seen_by(client: Client, order: Order) -> str:
    """What the order's page says that it has seen."""
    found = re.search(r"progress\?seen=(\w+)", client.get(f"/orders/{order.pk}/").content.decode())
    assert found
    return found[1]


def asked_again(client: Client, order: Order, seen: str) -> int:
    return client.get(f"/orders/{order.pk}/progress", {"seen": seen}).status_code


def test_a_page_that_has_seen_all_is_answered_by_one_statement(
    client: Client, order: Order, django_assert_num_queries: Any
) -> None:
    seen = seen_by(client, order)
    with django_assert_num_queries(1):
        assert asked_again(client, order, seen) == 204


def rows_of(order: Order) -> list[Any]:
    """One row of each table of which the page shows something."""
    CancelRequest.objects.create(order=order, answer="too_late")
    Return.objects.create(order=order, number="R-1", amount=1, currency="EUR")
    carried = [JourneyStep, Journey] if order.coordination == "choreography" else [Step, Run]
    return [Order, CancelRequest, Return, *carried]


def test_any_write_to_a_row_that_is_shown_is_seen(order: Order) -> None:
    for model in rows_of(order):
        before, pk = row_state.of_order(order.pk), model.objects.values_list("pk", flat=True).first()
        column = model._meta.concrete_fields[-1].attname
        model.objects.filter(pk=pk).update(**{column: F(column)})
        assert row_state.of_order(order.pk) != before, model.__name__


def test_a_new_row_is_seen(order: Order) -> None:
    states = {row_state.of_order(order.pk)}
    CancelRequest.objects.create(order=order, answer="too_late")
    states.add(row_state.of_order(order.pk))
    Return.objects.create(order=order, number="R-1", amount=1, currency="EUR")
    states.add(row_state.of_order(order.pk))
    assert len(states) == 3


def test_a_lock_is_no_change(order: Order) -> None:
    before = row_state.of_order(order.pk)
    with transaction.atomic():
        Order.objects.select_for_update().get(pk=order.pk)
    assert row_state.of_order(order.pk) == before


def test_an_order_that_is_none_has_no_state(order: Order) -> None:
    assert row_state.of_order(type(order.pk)(int=7)) == ""


def test_a_page_that_counts_the_seconds_is_sent_again_as_they_go(client: Client, order: Order) -> None:
    waiting = {"status": "waiting", "attempts": 1, "next_attempt_at": timezone.now() + timedelta(seconds=30)}
    model: Any = JourneyStep if order.coordination == "choreography" else Step
    model.objects.filter(name="authorize_payment").update(**waiting)
    seen = seen_by(client, order)
    assert asked_again(client, order, seen) == 204
    model.objects.filter(name="authorize_payment").update(next_attempt_at=timezone.now() + timedelta(seconds=20))
    assert asked_again(client, order, seen) == 200


def test_what_is_final_is_asked_for_no_more(client: Client, order: Order) -> None:
    seen = seen_by(client, order)
    with transaction.atomic():
        status.confirm_order(order.pk, "TRACK-1")
    answer = client.get(f"/orders/{order.pk}/progress", {"seen": seen})
    assert (answer.status_code, "progress?seen" in answer.content.decode()) == (200, False)
