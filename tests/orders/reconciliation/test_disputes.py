"""A charge that the customer disputes at their bank: a case on the desk until the bank has decided."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from orders.models import Order
from orders.participants import payments
from orders.placing.place import place_order
from orders.reconciliation.nightly import reconcile
from orders.trips.models import Trip
from orders.webhooks.events import PaymentReported
from outbox import publish
from sagas import desk
from sagas.models import Run
from tests.orders.choreography.driver import deliver, relayed
from tests.support.sagas.driver import carry
from tests.support.standins import API_KEY, Standins

pytestmark = pytest.mark.django_db(transaction=True)
SOON = timedelta(seconds=10)


@pytest.fixture
def disputed(standins, wish) -> Order:
    """A paid order whose charge is disputed at once."""
    order = place_order(wish, idempotency_key="k1").order
    request = payments.PaymentRequest(order.number, 16600, "EUR", "pm_card_createDispute", order.email)
    held = payments.authorize(request, key=f"{order.pk}.authorize", timeout=SOON)
    payments.capture(held.intent_id, key=f"{order.pk}.capture", timeout=SOON)
    Order.objects.filter(pk=order.pk).update(status="confirmed", payment_intent=held.intent_id, charged=16600)
    return order


def compare() -> None:
    now = timezone.now()
    reconcile(now - timedelta(minutes=5), now + timedelta(days=1))


def the_case(order: Order) -> Run:
    return carry(Run.objects.get(name="dispute", subject__startswith=f"{order.number} ").pk)


def test_a_dispute_is_on_the_desk_with_what_to_do(disputed):
    compare()
    case = the_case(disputed)
    assert (case.status, case.code) == ("stuck", "disputed")
    for words in (disputed.number, "166.00 EUR", "fraudulent", "Answer it at the card processor by"):
        assert words in case.reason
    compare()
    assert Run.objects.filter(name="dispute", subject__startswith=f"{disputed.number} ").count() == 1
    assert not Run.objects.filter(name="books", subject__startswith=f"{disputed.number} ").exists()


def test_a_disputed_trip_is_told_by_its_number(disputed):
    trip = Trip.objects.create(
        status="confirmed",
        payment_intent=Order.objects.get(pk=disputed.pk).payment_intent,
        charged=16600,
        total=166,
        currency="EUR",
        flight_price=100,
        night_price=66,
        nights=1,
        departs=timezone.now().date(),
    )
    Order.objects.filter(pk=disputed.pk).update(payment_intent="", charged=0)
    compare()
    case = carry(Run.objects.get(name="dispute", subject__startswith=f"{trip.number} ").pk)
    assert f"disputes the 166.00 EUR charged for {trip.number}" in case.reason


def test_a_dispute_of_another_shop_is_no_case_of_ours(disputed, settings):
    Order.objects.filter(pk=disputed.pk).update(payment_intent="", charged=0, status="cancelled")
    settings.SHOP_ID = "another"
    compare()
    disputed.refresh_from_db()
    report(disputed, "charge.dispute.created")
    assert not Run.objects.filter(subject__startswith=f"{disputed.number} ").exclude(name="checkout").exists()


def test_a_dispute_of_a_payment_whose_id_we_do_not_keep_is_ours_by_our_identity(disputed):
    Order.objects.filter(pk=disputed.pk).update(payment_intent="", charged=0)
    compare()
    assert f"charged for {disputed.number}" in the_case(disputed).reason


def test_it_closes_when_the_bank_has_decided(disputed, standins):
    compare()
    case = the_case(disputed)
    give_in(standins, case.input["dispute"])
    desk.retry_now(case.pk, actor=get_user_model().objects.create_user("ann"), reason="The bank has written.")
    case = carry(case.pk)
    assert case.status == "completed"
    assert case.steps.get(name="be_decided").result == "lost"


def report(order: Order, type_: str) -> None:
    """The processor reports it, and what follows is carried out."""
    fact = PaymentReported("evt_1", type_, order.payment_intent, order.number)
    with transaction.atomic():
        publish(fact, key=order.saga_key)
    for one in relayed():
        for subscriber in one.to:
            if subscriber == "webhooks.dispatch":
                deliver(one, subscriber)


def give_in(standins: Standins, dispute: str) -> None:
    url = f"{standins.url}/payments/v1/disputes/{dispute}/close"
    requests.post(url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=10).raise_for_status()


def test_a_report_opens_the_case_at_once_and_closes_it(disputed, standins):
    disputed.refresh_from_db()
    report(disputed, "charge.dispute.created")
    report(disputed, "charge.dispute.created")  # doubled
    case = the_case(disputed)
    assert case.status == "stuck"
    give_in(standins, case.input["dispute"])
    report(disputed, "charge.dispute.closed")
    report(disputed, "charge.dispute.created")  # late, and out of order
    assert the_case(disputed).status == "completed"
    assert [act.actor_name for act in case.acts.all()] == ["the card processor"]


def test_a_report_of_what_the_processor_does_not_confirm_changes_nothing(disputed):
    disputed.refresh_from_db()
    report(disputed, "charge.dispute.created")
    case = the_case(disputed)
    report(disputed, "charge.dispute.closed")
    assert the_case(disputed).status == "stuck"
    assert not case.acts.exists()
