"""Participants that answer garbage: the run ends completed, undone or on the desk, and no effect happens twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from hypothesis import event as seen
from hypothesis import example, given, note
from hypothesis import strategies as st

from config.local.ledger_check import ledgers_of
from orders.models import Order, Product
from orders.money import minor_units
from orders.participants import http
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from sagas.branches.waking import wake_parent
from sagas.engine.continuation import RetryIn
from sagas.models import Breaker, Run, RunStatus, Step
from sagas.participants.lookup import breakers
from tests.conftest import empty_all_tables
from tests.orders.choreography import driver
from tests.orders.trips.companies import Travel
from tests.support.sagas.driver import OVER, moving_children, step_once
from tests.support.standins import Standins

from .garbling import EACH_ONCE, Garbage, Gateway, gateway, plans
from .trying import SEED, tried

pytestmark = pytest.mark.django_db(transaction=True)
SKU = "mug-slate"
MOST = 120  # links of one run; more than that is a loop
serial = itertools.count(1)


@pytest.fixture
def companies(standins: Standins, settings: Any) -> Iterator[Gateway]:
    """The clients ask the gateway; what the companies did is asked of themselves."""
    standins.set_stock(SKU, 100_000)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # nothing here is to outlive PostgreSQL
    with gateway(standins.url) as (gate, url):
        settings.STRIPE_API_BASE = f"{url}/payments"
        for name in ("WAREHOUSE", "CARRIER", "FLIGHT", "HOTEL"):
            setattr(settings, f"{name}_URL", f"{url}/{name.lower()}")
        yield gate
        http.session().close()


@tried(10)
@example(plan=EACH_ONCE, coordination="saga", card="pm_card_visa")
@example(plan=EACH_ONCE, coordination="choreography", card="pm_card_visa")
@given(
    plan=plans,
    coordination=st.sampled_from(["saga", "choreography"]),
    card=st.sampled_from(["pm_card_visa"] * 3 + ["pm_card_chargeDeclined"]),
)
def test_an_order_ends_whatever_the_companies_answer(
    companies: Gateway, plan: dict[int, Garbage], coordination: str, card: str
) -> None:
    with Kept():
        Product.objects.get_or_create(sku=SKU, defaults={"name": "Mug", "price": "18.50", "available": 1000})
        wish = PlaceOrder("ann@example.com", card, (OrderedLine(SKU, 2),), coordination=coordination)
        order = place_order(wish, idempotency_key=f"k{next(serial)}").order
        companies.begin(plan)
        if coordination == "saga":
            carry(Run.objects.get(key=order.saga_key))
        else:
            driver.carry(order.pk, before=lambda _subscriber: time_goes_by())
        order.refresh_from_db()
        note("\n".join([f"{order.status}: {order.status_reason}", *companies.calls]))
        seen(f"{coordination}: {order.status}")
        assert order.status in (Order.Status.CONFIRMED, Order.Status.CANCELLED, Order.Status.NEEDS_ATTENTION)
        books = ledgers_of(companies.behind, order.number)
        assert all(times <= 1 for times in books.effects.values()), "nothing twice"
        if order.status == Order.Status.NEEDS_ATTENTION:
            assert order.status_reason
        else:
            assert books.differences(order.status, minor_units(order.total, order.currency)) == []


@tried(4)
@example(plan=EACH_ONCE)
@given(plan=plans)
def test_a_trip_ends_whatever_the_companies_answer(
    companies: Gateway, standins: Standins, plan: dict[int, Garbage]
) -> None:
    with Kept():
        travel = Travel(standins)
        travel.set_flight("SA220", left=50)
        travel.set_rooms("havn-rooms", 50)
        companies.begin({})
        trip = travel.place()
        companies.begin(plan)
        run = carry(Run.objects.get(key=trip.saga_key))
        trip.refresh_from_db()
        note("\n".join([f"{trip.status}: {trip.status_reason}", *companies.calls]))
        seen(f"trip: {trip.status}")
        did = travel.did(trip)
        assert len(did) == len(set(did)), "nothing twice"
        if run.status == RunStatus.STUCK:
            assert run.reason
        else:
            assert travel.differences(trip) == []


def carry(run: Run) -> Run:
    """As workers would, until it has ended or is stuck; waits are over at once."""
    for _ in range(MOST):
        run.refresh_from_db()
        if run.status in OVER:
            return run
        stuck = [child for child in map(carry, moving_children(run)) if child.status == "stuck"]
        if stuck:  # a branch of it needs a person
            return stuck[0]
        wake_parent(run.pk, None)
        if isinstance(step_once(run.pk), RetryIn):
            Step.objects.filter(run=run).update(next_attempt_at=None)
            time_goes_by()
    raise AssertionError(f"{run.subject} is still {run.status} at {run.position} after {MOST} links")


def time_goes_by() -> None:
    """So much that nobody is held to be away any more."""
    Breaker.objects.all().delete()
    breakers.forget()


class Kept:
    """Around one example. One that fails leaves nothing for the next."""

    def __enter__(self) -> None:
        note(f"FUZZ_SEED={SEED}")
        time_goes_by()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            empty_all_tables(None)
