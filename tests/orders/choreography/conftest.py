"""An order that is carried by events, and its story."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders.models import Order
from orders.participants.carrier import Booking, Parcel
from orders.participants.payments import Authorization, Capture
from orders.participants.warehouse import Reservation
from orders.sagas import authorize_payment, book_shipment, capture_payment, dispatch_parcel, reserve_stock
from orders.services import place_order
from orders.validation import PlaceOrder
from sagas.standing import standings

from .story import EventStory


@pytest.fixture(autouse=True)
def _breakers_as_in_the_database() -> None:
    """What this process remembers of participants of another test."""
    standings.forget()


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    """Two mugs and a lamp, 166.00 EUR."""
    return place_order(replace(wish, coordination="choreography"), idempotency_key="k1").order


@pytest.fixture
def story(order: Order) -> EventStory:
    """Each participant does what it is asked."""
    key = order.saga_key
    return (
        EventStory(order)
        .when(authorize_payment)
        .returns(Authorization("pi_1", 16600, "EUR"))
        .when(reserve_stock)
        .returns(Reservation(key, "reserved", (("mug", 2), ("lamp", 1))))
        .when(book_shipment)
        .returns(Booking(key, "label", "booked"))
        .when(capture_payment)
        .returns(Capture("pi_1", 16600))
        .when(dispatch_parcel)
        .returns(Parcel(key, "SC-1"))
    )
