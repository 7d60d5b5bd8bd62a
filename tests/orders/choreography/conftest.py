"""An order that is carried by events, and its story."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from sagas.participants.lookup import breakers

from .story import EventStory, all_goes_well


@pytest.fixture(autouse=True)
def _breakers_as_in_the_database() -> None:
    """What this process remembers of participants of another test."""
    breakers.forget()


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    """Two mugs and a lamp, 166.00 EUR."""
    return place_order(replace(wish, coordination="choreography"), idempotency_key="k1").order


@pytest.fixture
def story(order: Order) -> EventStory:
    """Each participant does what it is asked."""
    return all_goes_well(EventStory(order), order.saga_key)
