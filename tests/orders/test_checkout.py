"""The checkout's stories, told with `sagas.testing`: no broker, no participant. Each is told of an order that a saga
carries and of one that events carry: they end alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders.choreography import events as by_events
from orders.events import OrderConfirmed, OrderNeedsAttention, PaymentCaptured, StockReserved
from orders.placing.place import place_order
from orders.sagas import (
    authorize_payment,
    book_shipment,
    capture_payment,
    checkout,
    dispatch_parcel,
    reserve_stock,
    send_confirmation,
)
from sagas.testing import given_run
from tests.orders.choreography.story import EventStory, all_goes_well

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["saga", "choreography"])
def order(wish, request):
    return place_order(replace(wish, coordination=request.param), idempotency_key="k1").order


@pytest.fixture
def story(order):
    """The story of an order that was placed; each participant does what it is asked."""
    key = order.saga_key
    told = EventStory(order) if order.coordination == "choreography" else given_run(checkout, key=key)
    return all_goes_well(told, key)


def test_an_order_is_confirmed_and_its_facts_are_published(story, order):
    story.expect_completed()
    if order.coordination == "saga":
        story.expect_published(PaymentCaptured, PaymentCaptured(order.pk, "pi_1", 16600, "EUR"))
    else:
        story.expect_published(by_events.PaymentCaptured, by_events.PaymentCaptured(order.pk, "pi_1", 16600))
    story.expect_published(OrderConfirmed)
    order.refresh_from_db()
    assert (order.status, order.tracking) == ("confirmed", "SC-1")


def test_an_order_out_of_stock_is_undone_and_says_so(story, order):
    story.when(reserve_stock).refuses("out_of_stock").expect_undone(authorize_payment)
    story.expect_nothing_published(StockReserved).expect_nothing_published(by_events.StockReserved)
    order.refresh_from_db()
    assert order.status == "cancelled"


def test_a_customer_who_cancels_while_the_parcel_is_booked_is_not_charged(story):
    story.cancelled_before(capture_payment).expect_undone(authorize_payment, reserve_stock, book_shipment)
    story.expect_attempts(capture_payment, 0).expect_nothing_published(PaymentCaptured)
    story.expect_nothing_published(by_events.PaymentCaptured)


def test_a_parcel_that_fails_for_long_is_a_persons_matter_until_it_succeeds(story, order, settings):
    settings.SAGAS_ASK_AFTER = 3
    story.when(dispatch_parcel).fails(times=5).expect_completed().expect_published(OrderNeedsAttention)
    order.refresh_from_db()
    assert (order.status, order.status_reason) == ("confirmed", "")


def test_a_paid_order_is_confirmed_however_long_it_takes(story):
    story.when(dispatch_parcel).fails(times=20).when(send_confirmation).worker_lost(times=3)
    story.expect_completed().expect_attempts(dispatch_parcel, 21)
