"""A report is a doorbell: the order finds out by itself, and at once; what the report says is never believed."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from django.db.models.functions import Now
from django.test import Client

from orders.events import PaymentActionRequired
from orders.models import Order
from orders.participants import payments, warehouse
from orders.webhooks.events import PaymentReported
from outbox.models import DeadLetter, Delivery
from outbox.testing import published
from sagas.engine.run_ready import ring_on_commit
from sagas.engine.transitions import ready
from sagas.errors import Refused, Unavailable
from sagas.models import Act, Run, Step

from .bank import INTENT, Bank
from .driving import carry, step_of, until_much_later
from .posting import event, post

pytestmark = pytest.mark.django_db
AUTHORIZE, CAPTURE = "authorize_payment", "capture_payment"
TYPES = (
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
)


@pytest.fixture
def asked(order: Order, bank: Bank) -> Order:
    """An order whose customer is to confirm the payment."""
    bank.asks = True
    carry(order)
    assert step_of(order, AUTHORIZE) == ("waiting", 1)
    until_much_later(AUTHORIZE)
    return order


def reported(type_: str, order: Order, **more: str) -> Order:
    """The report has come, and its subscribers have done what they do."""
    assert post(event(type_, order.number, **more)).status_code == 200
    return carry(order)


def test_an_order_waits_for_its_customer_and_says_where_to_confirm(asked: Order) -> None:
    assert asked.status == "processing"
    assert asked.action_url == "https://bank.example/3ds"
    assert asked.payment_intent == INTENT
    (told,) = published(PaymentActionRequired)
    assert (told.order_id, told.url, told.email) == (asked.pk, asked.action_url, "ann@example.com")


def test_a_report_that_the_customer_has_confirmed_carries_the_order_on_at_once(asked: Order, bank: Bank) -> None:
    bank.state = "requires_capture"
    order = reported("payment_intent.amount_capturable_updated", asked)
    assert (order.status, order.action_url, order.charged) == ("confirmed", "", 16600)
    assert step_of(order, AUTHORIZE) == ("done", 2)
    assert bank.charges == 1


def test_a_report_that_the_customer_refused_undoes_the_order(asked: Order, bank: Bank) -> None:
    bank.state = "requires_payment_method"
    order = reported("payment_intent.payment_failed", asked)
    assert (order.status, order.status_reason) == ("cancelled", "authentication_failed")
    assert (bank.charges, bank.state) == (0, "canceled")


def test_a_customer_who_comes_back_carries_the_order_on_without_any_report(asked: Order, bank: Bank) -> None:
    bank.state = "requires_capture"
    answer = Client().get(f"/orders/{asked.pk}/returned?redirect_status=failed&payment_intent_client_secret=s")
    assert (answer.status_code, answer["Location"]) == (302, asked.get_absolute_url())
    assert carry(asked).status == "confirmed"


@pytest.mark.parametrize("type_", TYPES)
def test_what_a_report_says_is_not_believed(asked: Order, bank: Bank, type_: str) -> None:
    """The bank still waits for the customer, whatever a report from before, or from elsewhere, says."""
    order = reported(type_, asked)
    assert order.status == "processing"
    assert step_of(order, AUTHORIZE) == ("waiting", 1)
    assert bank.state == "requires_action"


@pytest.mark.parametrize("came", list(permutations(TYPES[:3])))
def test_reports_in_any_order_and_doubled_end_alike(asked: Order, bank: Bank, came: tuple[str, ...]) -> None:
    bank.state = "requires_capture"
    for type_ in (*came, *came):
        reported(type_, asked, id_=f"evt_{type_}")
    asked.refresh_from_db()
    assert asked.status == "confirmed"
    assert bank.charges == 1
    assert step_of(asked, AUTHORIZE) == ("done", 2)
    assert step_of(asked, CAPTURE) == ("done", 1)
    assert len(published(PaymentReported)) == 3
    assert not Act.objects.exists()


@pytest.fixture
def unanswered(order: Order, bank: Bank) -> Order:
    """An order whose capture was applied, and nobody knows: it is to be asked about in some minutes."""
    bank.answers_lost = 1
    carry(order)
    assert step_of(order, CAPTURE) == ("waiting", 1)
    until_much_later(CAPTURE)
    return order


def test_a_lost_answer_is_settled_by_a_report_and_not_by_the_backoff(unanswered: Order, bank: Bank) -> None:
    assert reported("payment_intent.succeeded", unanswered).status == "confirmed"
    assert bank.charges == 1


def test_a_late_report_of_the_authorisation_does_not_hurry_a_capture(unanswered: Order, bank: Bank) -> None:
    bank.state = "requires_capture"
    reported("payment_intent.amount_capturable_updated", unanswered)
    assert step_of(unanswered, CAPTURE) == ("waiting", 1)


@pytest.fixture
def stuck(order: Order, bank: Bank) -> Order:
    """An order on the desk: the capture was applied, no answer came, and nobody could be asked."""
    bank.answers_lost, bank.silent = 4, True
    for _ in range(4):
        carry(order)
        hurry()
    assert carry(order).status == "needs_attention"
    assert step_of(order, CAPTURE)[0] == "in_doubt"
    return order


def hurry() -> None:
    """The backoff is over."""
    Delivery.objects.update(due_at=Now(), held_until=None)
    Step.objects.filter(status="waiting").update(next_attempt_at=None)
    for run in Run.objects.filter(status="running"):
        ring_on_commit(ready(run), run)


def test_an_order_on_the_desk_is_settled_by_a_report_and_the_record_says_by_whom(stuck: Order, bank: Bank) -> None:
    assert reported("payment_intent.succeeded", stuck).status == "confirmed"
    assert (stuck.charged, bank.charges) == (16600, 1)
    assert not DeadLetter.objects.exists()
    if stuck.coordination == "saga":
        act = Act.objects.get()
        assert (act.actor_name, act.verb) == ("the card processor", "retry")
        assert act.reason == "It reported payment_intent.succeeded: the payment is succeeded."


def test_an_order_on_the_desk_whose_payment_was_cancelled_is_undone(stuck: Order, bank: Bank) -> None:
    bank.state, bank.silent, bank.charges = "canceled", False, 0
    order = reported("payment_intent.canceled", stuck)
    assert order.status == "cancelled"
    assert bank.charges == 0


def test_a_payment_of_another_shop_with_our_number_pulls_nothing_off_the_desk(stuck: Order, bank: Bank) -> None:
    order = reported("payment_intent.succeeded", stuck, intent="pi_theirs", shop="another shop")
    assert order.status == "needs_attention"
    assert not Act.objects.exists()
    assert bank.asked == []


def test_a_payment_that_the_processor_says_is_not_ours_pulls_nothing_off_the_desk(stuck: Order, bank: Bank) -> None:
    """Whatever stands in the report: who owns the payment is for the processor to say."""
    bank.ours = False
    assert reported("payment_intent.succeeded", stuck).status == "needs_attention"
    assert [(whose.number, whose.amount, whose.currency) for whose in bank.asked] == [(stuck.number, 16600, "EUR")]
    assert not Act.objects.exists()


@pytest.mark.parametrize("type_", TYPES)
def test_an_order_on_the_desk_stays_there_while_the_bank_has_not_decided(stuck: Order, bank: Bank, type_: str) -> None:
    bank.state = "requires_capture"
    assert reported(type_, stuck).status == "needs_attention"
    assert not Act.objects.exists()


def test_an_order_that_two_people_are_to_retry_is_left_to_them(stuck: Order, settings) -> None:
    settings.SAGAS_SECOND_PERSON = ("retry",)
    if stuck.coordination == "saga":
        assert reported("payment_intent.succeeded", stuck).status == "needs_attention"
        assert not Delivery.objects.filter(subscriber="webhooks.dispatch").exists(), "the report fails"


def test_a_report_waits_for_a_processor_that_is_away_and_spends_no_attempt(unanswered: Order, bank: Bank, monkeypatch):
    def away(*_: object, **__: object) -> str:
        raise Unavailable(timedelta(seconds=7), "payments: answered 503")

    monkeypatch.setattr(payments, "state_of", away)
    reported("payment_intent.succeeded", unanswered)
    assert Delivery.objects.get(subscriber="webhooks.dispatch").attempts == 0
    monkeypatch.setattr(payments, "state_of", bank.state_of)
    hurry()
    assert carry(unanswered).status == "confirmed"


def test_an_order_on_the_desk_for_another_reason_stays_there(order: Order, monkeypatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise Refused("released")

    monkeypatch.setattr(warehouse, "commit", refuses)
    assert carry(order).status == "needs_attention"
    assert reported("payment_intent.succeeded", order).status == "needs_attention"
    assert not Act.objects.exists()


def test_a_settled_order_is_left_alone_by_late_reports(order: Order, bank: Bank) -> None:
    assert carry(order).status == "confirmed"
    for type_ in TYPES:
        assert reported(type_, order).status == "confirmed"
    assert bank.charges == 1
