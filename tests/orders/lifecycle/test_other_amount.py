"""Somebody charges another amount than the order comes to, by hand at the card processor: that is no payment of it.

The order is neither confirmed nor sent; a person reads what was charged, and so do the customer and the books.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.utils import timezone

from orders import wording
from orders.choreography import turning
from orders.coordination.choose import capture_of
from orders.models import Order, Product
from orders.participants import payments
from orders.participants.payments import OtherAmount
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.reconciliation.nightly import reconcile
from orders.trips import wording as trips_wording
from sagas import Refused, desk
from sagas.models import Run
from tests.orders.choreography import driver
from tests.orders.participants.payments.order_payment import IN_TIME, Paying
from tests.orders.trips.companies import Travel
from tests.support.sagas.driver import carry, step_once
from tests.support.standins import API_KEY, Standins

pytestmark = pytest.mark.django_db(transaction=True)
SKU = "mug-slate"


def processor(standins: Standins) -> Any:
    return stripe.StripeClient(API_KEY, base_addresses={"api": f"{standins.url}/payments"}, max_network_retries=0).v1


def charge_by_hand(standins: Standins, number: str, amount: int) -> str:
    """In the processor's dashboard; returns the payment."""
    [held] = [entry for entry in standins.ledger("payments", number) if entry["operation"] == "authorized"]
    processor(standins).payment_intents.capture(held["intent"], {"amount_to_capture": amount})
    return str(held["intent"])


@pytest.fixture(params=["saga", "choreography"])
def order(standins: Standins, request: pytest.FixtureRequest) -> Order:
    """Two mugs, 37.00 EUR, of which somebody charges 10.00 before we charge anything."""
    standins.set_stock(SKU, 1000)
    Product.objects.create(sku=SKU, name="Mug", price="18.50", available=1000)
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine(SKU, 2),), request.param)
    order = place_order(wish, idempotency_key="k1").order
    if request.param == "saga":
        run = Run.objects.get(key=order.saga_key)
        for _ in range(3):
            step_once(run.pk)
        charge_by_hand(standins, order.number, 1000)
        carry(run.pk)
    else:
        by_hand = [lambda: charge_by_hand(standins, order.number, 1000)]

        def before(subscriber: str) -> None:
            if subscriber == "payments.capture_payment" and by_hand:
                by_hand.pop()()

        driver.carry(order.pk, before=before)
    order.refresh_from_db()
    return order


def test_the_order_is_on_the_desk_with_both_figures_and_nothing_is_sent(order: Order, standins: Standins) -> None:
    assert order.status == "needs_attention"
    for words in (f"10.00 EUR was charged for {order.number}, not 37.00 EUR", order.payment_intent, "Give it back"):
        assert words in order.status_reason
    assert wording.charge(order, capture_of(order)).startswith("Your card was charged 10.00 EUR, and not 37.00 EUR.")
    done = [entry["operation"] for entry in standins.ledger("carrier", order.number)]
    assert "dispatched" not in done
    assert not Run.objects.filter(name="books", subject__startswith=f"{order.number} ").exists()


def test_once_it_is_given_back_and_closed_the_books_agree(order: Order, standins: Standins) -> None:
    processor(standins).refunds.create({"payment_intent": order.payment_intent})
    if order.coordination == "saga":
        run = Run.objects.get(key=order.saga_key)
        desk.resolve(run.pk, actor=desk.Person("ann"), reason="Given back.", ended="compensated")
    else:
        assert turning.close_by_hand(order.pk)
    order.refresh_from_db()
    assert order.status == "cancelled"
    assert wording.charge(order, "") == "Your card was charged 10.00 EUR, and you get all of it back."
    reconcile(timezone.now() - timedelta(minutes=5), timezone.now() + timedelta(days=1))
    assert not Run.objects.filter(name="books", subject__startswith=f"{order.number} ").exists()


def test_a_trip_is_on_the_desk_too(standins: Standins) -> None:
    trip = Travel(standins).place()
    run = Run.objects.get(key=trip.saga_key)
    for _ in range(3):
        step_once(run.pk)
    charge_by_hand(standins, trip.number, 1000)
    assert carry(run.pk).status == "stuck"
    trip.refresh_from_db()
    assert f"10.00 EUR was charged for {trip.number}, not 301.00 EUR" in trip.status_reason
    assert trips_wording.charge(trip, "in_doubt").startswith("Your card was charged 10.00 EUR, not 301.00.")
    assert trip.ticket == ""


def test_neither_the_capture_nor_its_probe_takes_another_amount_for_a_payment(standins: Standins) -> None:
    order = Paying(standins)
    held = order.authorize().intent_id
    charge_by_hand(standins, order.number, 1000)
    for ask in (order.capture, order.find_capture):
        with pytest.raises(OtherAmount, match=r"10\.00 EUR was charged for .*, not 42\.00 EUR"):
            ask(held)
    with pytest.raises(Refused, match=r"10\.00 EUR was charged .* only a refund"):
        payments.void(order.wish, key=order.number, timeout=IN_TIME, intent_id=held)
