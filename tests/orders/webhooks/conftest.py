"""An order, carried by a saga or by events, whose payment is at a bank that the test plays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from sagas.participants.lookup import breakers

from .bank import Bank


@pytest.fixture(autouse=True)
def _breakers_as_in_the_database() -> None:
    """What this process remembers of participants of another test."""
    breakers.forget()


@pytest.fixture(autouse=True)
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Holds and charges what it is asked to."""
    bank = Bank()
    bank.takes_the_place_of_stripe(monkeypatch)
    return bank


@pytest.fixture(params=["saga", "choreography"])
def order(wish: PlaceOrder, request: pytest.FixtureRequest) -> Order:
    """Two mugs and a lamp, 166.00 EUR."""
    return place_order(replace(wish, coordination=request.param), idempotency_key="k1").order
