"""An order is undone, and a company refuses once to undo its part: the order is on the desk, and *Retry* ends it.

Against the real stand-ins, which remember what they answered where the real companies do.
"""

from __future__ import annotations

import pytest

from config.local.ledger_check import ledgers_of
from orders.models import Order, Product
from orders.money import minor_units
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from outbox.models import DeadLetter
from outbox.operations.requeue import requeue
from sagas import desk
from sagas.models import Run
from tests.orders.choreography import driver
from tests.orders.trips.companies import Travel
from tests.support.sagas.driver import carry as carry_run
from tests.support.sagas.driver import step_once
from tests.support.sagas.tree import carry_all
from tests.support.standins import Standins

pytestmark = pytest.mark.django_db(transaction=True)
SKU = "mug-slate"
OPERATOR = desk.Person("ann")
UNDOES = [("payments", "cancel"), ("warehouse", "release"), ("carrier", "cancel")]


@pytest.fixture(params=["saga", "choreography"])
def order(standins: Standins, request: pytest.FixtureRequest) -> Order:
    """Two mugs, whose charge the bank will refuse."""
    standins.set_stock(SKU, 1000)
    Product.objects.create(sku=SKU, name="Mug", price="18.50", available=1000)
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine(SKU, 2),), request.param)
    placed = place_order(wish, idempotency_key="k1").order
    standins.fault("payments", operation="capture", kind="refuse", order=placed.number, code="card_declined")
    return placed


def carried(order: Order) -> str:
    """How the order ends, or where it stops."""
    if order.coordination == "saga":
        carry_run(Run.objects.get(key=order.saga_key).pk)
    else:
        driver.carry(order.pk)
    order.refresh_from_db()
    return order.status


def retried(order: Order) -> str:
    """The operator tries once more, by the means that there are for it."""
    if order.coordination == "saga":
        desk.retry_now(Run.objects.get(key=order.saga_key).pk, actor=OPERATOR, reason="it is well again")
    else:
        assert [requeue(dead.pk) for dead in DeadLetter.objects.all()] == [True]
    return carried(order)


@pytest.mark.parametrize(("company", "operation"), UNDOES)
def test_a_refused_undo_ends_by_a_retry(standins: Standins, order: Order, company: str, operation: str) -> None:
    standins.fault(company, operation=operation, kind="refuse", order=order.number)
    assert carried(order) == "needs_attention"
    assert retried(order) == "needs_attention"
    standins.clear()
    assert retried(order) == "cancelled"
    assert (
        ledgers_of(standins.url, order.number).differences(order.status, minor_units(order.total, order.currency)) == []
    )


def test_a_bank_that_the_panel_has_refuse_all_is_heard_when_it_is_well_again(standins: Standins, order: Order) -> None:
    """From the moment at which the money is held: it says no to questions, too."""

    def switch() -> None:
        standins.fault("payments", operation="*", kind="refuse", order=order.number)

    if order.coordination == "saga":
        step_once(Run.objects.get(key=order.saga_key).pk)
        switch()
    else:
        driver.carry(order.pk, before=lambda subscriber: switch() if subscriber == "warehouse.reserve_stock" else None)
    assert carried(order) == "needs_attention"
    standins.clear()
    assert retried(order) == "cancelled"
    assert (
        ledgers_of(standins.url, order.number).differences(order.status, minor_units(order.total, order.currency)) == []
    )


@pytest.mark.parametrize("company", ["payments", "flight", "hotel"])
def test_a_trips_refused_undo_ends_by_a_retry(standins: Standins, company: str) -> None:
    travel = Travel(standins)
    trip = travel.place()
    run = Run.objects.get(key=trip.saga_key)
    standins.fault("payments", operation="capture", kind="refuse", order=trip.number, code="card_declined")
    standins.fault(company, operation="cancel", kind="refuse", order=trip.number)
    for _ in range(2):
        carry_all(run.pk)
        stuck = Run.objects.get(status="stuck")  # of a booking it is the branch that needs a person
        assert (stuck.pk == run.pk) == (company == "payments")
        desk.retry_now(stuck.pk, actor=OPERATOR, reason="try again")
    standins.clear()
    assert carry_all(run.pk).status == "compensated"
    trip.refresh_from_db()
    assert (trip.status, travel.differences(trip)) == ("cancelled", [])
