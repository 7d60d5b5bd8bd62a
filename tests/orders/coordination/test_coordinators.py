"""What carries an order is asked in one way, whichever way that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders.coordination.choose import WAYS, capture_of, coordinator_of, progress_of
from orders.models import Journey, Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.sagas import authorize_payment, capture_payment
from sagas.models import Run

pytestmark = pytest.mark.django_db
EACH_WAY = pytest.mark.parametrize("way", Order.Coordination.values)


def placed(wish: PlaceOrder, way: str) -> Order:
    return place_order(replace(wish, coordination=way), idempotency_key="k").order


def test_each_way_that_an_order_can_be_carried_has_its_coordinator():
    assert set(WAYS) == set(Order.Coordination.values)


@EACH_WAY
def test_an_order_that_begins_is_carried_one_way_only(wish: PlaceOrder, way: str):
    order = placed(wish, way)
    assert coordinator_of(order).has_run == Run.objects.filter(key=order.saga_key).exists()
    assert coordinator_of(order).has_run != Journey.objects.filter(pk=order.pk).exists()


@EACH_WAY
def test_nothing_is_charged_and_nothing_waits_yet(wish: PlaceOrder, way: str):
    order = placed(wish, way)
    coordinator, progress = coordinator_of(order), progress_of(order)
    assert progress is not None
    assert progress.can_cancel
    assert capture_of(order) == "pending"
    assert coordinator.charge_begun_at() is None
    assert not coordinator.wake(authorize_payment)
    coordinator.ask_again(capture_payment, actor="the card processor", reason="It reported something.")
    assert progress_of(order) == progress


@EACH_WAY
def test_what_is_withdrawn_before_the_charge_goes_back_and_says_why(wish: PlaceOrder, way: str):
    order = placed(wish, way)
    assert coordinator_of(order).withdraw("reservation_expired", "The goods are gone.", actor="the warehouse")
    order.refresh_from_db()
    progress = progress_of(order)
    assert (order.status, order.status_reason) in (
        ("cancelling", "reservation_expired"),
        ("cancelled", "reservation_expired"),
    )
    assert progress is not None
    assert not progress.can_cancel


@EACH_WAY
def test_nothing_carries_an_order_any_more_whose_records_are_gone(wish: PlaceOrder, way: str):
    order = placed(wish, way)
    Run.objects.all().delete()
    Journey.objects.all().delete()
    coordinator_of(order).lock()
    assert progress_of(order) is None
    assert capture_of(order) == "pending"
