"""An order that waits for its customer: what they are told, and how the wait ends when they do nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.db.models.functions import Now
from django.test import Client

from orders.cancelling.customer_request import cancel_order
from orders.events import OrderCancelled, PaymentActionRequired
from orders.models import Order
from orders.presentation.timeline import Timeline
from outbox.models import Delivery
from outbox.testing import published
from sagas.engine.run_ready import ring_on_commit
from sagas.engine.transitions import ready
from sagas.models import Run, Step
from tests.orders.choreography.driver import deliver

from .bank import Bank
from .driving import carry, step_of

pytestmark = pytest.mark.django_db
AUTHORIZE = "authorize_payment"


@pytest.fixture
def asked(order: Order, bank: Bank, mailoutbox: list[EmailMessage]) -> Order:
    bank.asks = True
    return carry(order)


def looked_at_again(order: Order) -> Order:
    """The step's time to look has come."""
    Delivery.objects.update(due_at=Now(), held_until=None)
    Step.objects.filter(status="waiting").update(next_attempt_at=None)
    for run in Run.objects.filter(status="running"):
        ring_on_commit(ready(run), run)
    return carry(order)


def test_the_order_page_says_what_the_bank_asks_and_where(asked: Order, client: Client) -> None:
    timeline = Timeline.of(asked)
    assert timeline.headline == "Your bank asks you to confirm this payment."
    assert timeline.reason == (
        "Your order goes on as soon as you have. If you do not within 15 minutes, we cancel it and charge nothing."
    )
    assert timeline.charge == "Your card has not been charged."
    assert [step.label for step in timeline.steps[:2]] == ["waiting for you", "to do"]
    assert timeline.can_cancel
    page = client.get(asked.get_absolute_url()).content.decode()
    assert '<a class="button" id="confirm-payment" href="https://bank.example/3ds">Confirm with your bank</a>' in page


def test_the_api_says_where_to_confirm_and_no_more_once_that_is_over(asked: Order, bank: Bank, client: Client) -> None:
    assert client.get(f"/api/orders/{asked.pk}").json()["action_url"] == "https://bank.example/3ds"
    bank.state = "requires_capture"
    looked_at_again(asked)
    assert client.get(f"/api/orders/{asked.pk}").json()["action_url"] == ""


def test_no_worker_is_held_and_no_attempt_is_spent_while_it_waits(asked: Order) -> None:
    for _ in range(8):  # more than the step has attempts
        looked_at_again(asked)
    assert step_of(asked, AUTHORIZE) == ("waiting", 9)
    assert not Step.objects.filter(token__isnull=False).exists()
    assert asked.status == "processing"


def test_the_customer_is_told_once_however_often_it_is_looked_at(asked: Order, mailoutbox: list[EmailMessage]) -> None:
    for _ in range(3):
        looked_at_again(asked)
    (letter,) = [one for one in mailoutbox if "confirm" in one.subject]
    assert letter.to == ["ann@example.com"]
    assert letter.subject == f"Please confirm the payment of your order {asked.number}"
    for words in ("https://bank.example/3ds", "166.00 EUR", str(asked.pk)):
        assert words in letter.body
    assert len(published(PaymentActionRequired)) == 1


def test_a_customer_who_has_confirmed_by_then_gets_no_letter(
    order: Order, bank: Bank, monkeypatch, mailoutbox: list[EmailMessage]
) -> None:
    bank.asks = True

    def later(one, subscriber: str) -> None:
        if subscriber == "webhooks.email_confirm_payment":
            Order.objects.update(action_url="")
        deliver(one, subscriber)

    monkeypatch.setattr("tests.orders.webhooks.driving.deliver", later)
    carry(order)
    assert not [one for one in mailoutbox if "confirm" in one.subject]


def test_a_payment_that_is_not_confirmed_in_time_is_undone_and_can_be_confirmed_no_more(
    asked: Order, bank: Bank
) -> None:
    bank.asked_at -= timedelta(minutes=14)
    assert looked_at_again(asked).status == "processing"
    bank.asked_at -= timedelta(minutes=2)
    order = looked_at_again(asked)
    assert (order.status, order.status_reason, order.action_url) == ("cancelled", "authentication_timed_out", "")
    assert (bank.state, bank.charges) == ("canceled", 0)
    assert len(published(OrderCancelled)) == 1
    assert Timeline.of(order).reason == "The payment was not confirmed with your bank in time."


def test_a_customer_who_was_never_asked_is_asked_first_however_late_that_is(order: Order, bank: Bank) -> None:
    bank.asks = True
    bank.asked_at -= timedelta(minutes=20)  # the bank was away when it was to say where
    carry(order)
    order.refresh_from_db()
    assert (order.status, order.action_url != "") == ("processing", True)
    assert looked_at_again(order).status_reason == "authentication_timed_out"


def test_it_is_looked_at_when_the_time_is_up_and_not_a_minute_later(order: Order, bank: Bank, settings) -> None:
    settings.ORDERS_CONFIRM_WITHIN = timedelta(seconds=20)
    bank.asks = True
    carry(order)
    standing = Timeline.of(order)
    assert standing.action_url
    due = (
        Delivery.objects.get(subscriber="payments.authorize_payment").due_at
        if order.coordination == "choreography"
        else Step.objects.get(name=AUTHORIZE).next_attempt_at
    )
    assert due is not None
    assert due - bank.asked_at <= timedelta(seconds=21)


def test_a_customer_who_cancels_instead_can_confirm_no_more(asked: Order, bank: Bank) -> None:
    assert cancel_order(asked)
    order = carry(asked)
    assert (order.status, order.status_reason, order.action_url) == ("cancelled", "cancelled", "")
    assert bank.state == "canceled"


def test_whoever_comes_back_to_an_order_that_is_over_changes_nothing(order: Order, client: Client) -> None:
    assert carry(order).status == "confirmed"
    assert client.get(f"/orders/{order.pk}/returned").status_code == 302
    assert carry(order).status == "confirmed"


def test_whoever_comes_back_to_no_order_is_told_so(client: Client) -> None:
    assert client.get("/orders/6e5f0ee3-6a0f-4a39-8c43-5d8c8f0b1111/returned").status_code == 404
