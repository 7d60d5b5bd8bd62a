"""The checkout's stories, told with `sagas.testing`: no broker, no participant."""

from __future__ import annotations

import pytest

from orders.events import OrderConfirmed, PaymentCaptured, StockReserved
from orders.participants.carrier import Booking, Parcel
from orders.participants.payments import Authorization, Capture
from orders.participants.warehouse import Reservation
from orders.sagas import (
    authorize_payment,
    book_shipment,
    capture_payment,
    checkout,
    dispatch_parcel,
    reserve_stock,
    send_confirmation,
)
from orders.services import place_order
from sagas.testing import given_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(wish):
    return place_order(wish, idempotency_key="k1").order


@pytest.fixture
def story(order):
    """The run of an order that was placed; each participant does what it is asked."""
    key = order.saga_key
    return (
        given_run(checkout, key=key)
        .when(authorize_payment)
        .returns(Authorization("pi_1", 16600, "eur"))
        .when(reserve_stock)
        .returns(Reservation(key, "reserved", (("mug", 2), ("lamp", 1))))
        .when(book_shipment)
        .returns(Booking(key, "label", "booked"))
        .when(capture_payment)
        .returns(Capture("pi_1", 16600))
        .when(dispatch_parcel)
        .returns(Parcel(key, "SC-1"))
    )


def test_an_order_is_confirmed_and_its_facts_are_published(story, order):
    story.expect_completed()
    story.expect_published(PaymentCaptured, PaymentCaptured(order.pk, "pi_1", 16600, "EUR"))
    story.expect_published(OrderConfirmed)
    order.refresh_from_db()
    assert (order.status, order.tracking) == ("confirmed", "SC-1")


def test_an_order_out_of_stock_is_undone_and_says_so(story, order):
    story.when(reserve_stock).refuses("out_of_stock").expect_undone(authorize_payment)
    story.expect_nothing_published(StockReserved)
    order.refresh_from_db()
    assert order.status == "cancelled"


def test_a_customer_who_cancels_while_the_parcel_is_booked_is_not_charged(story):
    story.cancelled_before(capture_payment).expect_undone(authorize_payment, reserve_stock, book_shipment)
    story.expect_attempts(capture_payment, 0).expect_nothing_published(PaymentCaptured)


def test_a_paid_order_is_confirmed_however_long_it_takes(story):
    story.when(dispatch_parcel).fails(times=20).when(send_confirmation).worker_lost(times=3)
    story.expect_completed().expect_attempts(dispatch_parcel, 21)
