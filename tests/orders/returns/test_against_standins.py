"""Returns carried out by the real clients against the real stand-ins; their ledgers say what was done."""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from config.local.ledger_check import ledgers_of
from orders.models import Order, Product
from orders.money import minor_units
from orders.participants import refunding
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.returns import refunds as paying
from orders.returns.models import Return
from orders.returns.sagas import REFUND
from orders.returns.services import request_return
from orders.webhooks.events import PaymentReported
from outbox import publish, testing
from sagas import Refused, desk
from sagas.models import Run
from tests.support.sagas.driver import carry, step_once
from tests.support.standins import Standins
from tests.support.workers import until

from .conftest import wanted

pytestmark = pytest.mark.django_db(transaction=True)
SKU, LAMP = "mug-slate", "lamp-arc"
Pay = Callable[..., Order]


@pytest.fixture
def pay(standins: Standins) -> Pay:
    """`pay(card)`: a confirmed order of two mugs and a lamp, 166.00 EUR, as the stand-ins know it too."""
    for sku, price in ((SKU, "18.50"), (LAMP, "129.00")):
        standins.set_stock(sku, 1000)
        Product.objects.create(sku=sku, name=sku.partition("-")[0], price=price, available=1000)

    def act(card: str = "pm_card_visa") -> Order:
        wish = PlaceOrder("ann@example.com", card, (OrderedLine(SKU, 2), OrderedLine(LAMP, 1)))
        order = place_order(wish, idempotency_key=f"k-{card}").order
        carry(Run.objects.get(key=order.saga_key).pk)
        order.refresh_from_db()
        assert order.status == "confirmed"
        return order

    return act


def ask(order: Order, key: str = "r1", *, mugs: int = 0, lamps: int = 0) -> tuple[Return, Run]:
    pieces = {sku: quantity for sku, quantity in ((SKU, mugs), (LAMP, lamps)) if quantity}
    returned = request_return(order.pk, wanted(**pieces), idempotency_key=key).returned
    return returned, Run.objects.get(name="return", key=returned.saga_key)


def send_back(order: Order, key: str = "r1", *, mugs: int = 0, lamps: int = 0) -> Return:
    """Ask for it, and carry it as far as it goes."""
    returned, run = ask(order, key, mugs=mugs, lamps=lamps)
    carry(run.pk)
    returned.refresh_from_db()
    return returned


def refunds(standins: Standins, order: Order) -> list[int]:
    """What the bank gave back, in cents."""
    return [one["amount"] for one in standins.ledger("payments", order.number) if one["operation"] == "refunded"]


def stocks(standins: Standins) -> tuple[int, int]:
    """What is left of both; others' reservations may be taken off it."""
    return standins.stock(SKU), standins.stock(LAMP)


def effects(standins: Standins, order: Order, participant: str) -> list[str]:
    known = ("restocked", "unrestocked", "recalled", "unrecalled")
    return [one["operation"] for one in standins.ledger(participant, order.number) if one["operation"] in known]


def differences(standins: Standins, order: Order) -> list[str]:
    given = sum(minor_units(one.amount, one.currency) for one in order.returns.filter(refunded_at__isnull=False))
    books = ledgers_of(standins.url, order.number)
    return books.differences(order.status, minor_units(order.total, order.currency), refunded=given)


def test_a_whole_order_comes_back_with_its_parcel(standins: Standins, pay: Pay) -> None:
    before = stocks(standins)
    order = pay()
    returned = send_back(order, mugs=2, lamps=1)
    assert (returned.status, returned.parcel) == ("done", "stopped")
    assert refunds(standins, order) == [16600]
    assert stocks(standins) == before
    assert effects(standins, order, "carrier") == ["recalled"]
    assert differences(standins, order) == []


def test_a_line_comes_back_while_the_parcel_goes_on_and_the_rest_later(standins: Standins, pay: Pay) -> None:
    before = stocks(standins)
    order = pay()
    assert send_back(order, "r1", mugs=1).parcel == ""
    assert effects(standins, order, "carrier") == []
    assert send_back(order, "r2", mugs=1).status == "done"
    assert refunds(standins, order) == [1850, 1850]
    assert send_back(order, "r3", lamps=1).parcel == "stopped"
    assert refunds(standins, order) == [1850, 1850, 12900]
    assert stocks(standins) == before
    assert differences(standins, order) == []


def test_every_answer_lost_once_gives_the_money_back_once(standins: Standins, pay: Pay) -> None:
    order = pay()
    for company, operation in (("carrier", "recall"), ("warehouse", "restock"), ("payments", "refund")):
        standins.fault(company, operation=operation, kind="lose_answer", order=order.number, times=1)
    assert send_back(order, mugs=2, lamps=1).status == "done"
    assert refunds(standins, order) == [16600]
    assert differences(standins, order) == []


def test_a_refund_is_not_given_twice_when_the_bank_has_forgotten_the_key(standins: Standins, pay: Pay) -> None:
    order = pay()
    returned, run = ask(order, mugs=1)
    standins.fault("payments", operation="refund", kind="lose_answer", order=order.number, times=1)
    while not refunds(standins, order):
        step_once(run.pk)
    forget_keys()
    assert carry(run.pk).status == "completed"
    assert refunds(standins, order) == [1850]
    returned.refresh_from_db()
    assert returned.status == "done"


def test_a_refund_that_is_refused_is_made_when_a_person_says_that_it_is_mended(standins: Standins, pay: Pay) -> None:
    order = pay()
    standins.fault("payments", operation="refund", kind="refuse", code="insufficient_balance", order=order.number)
    returned, run = ask(order, mugs=1)
    assert carry(run.pk).status == "stuck"
    returned.refresh_from_db()
    assert returned.status == "needs_attention"
    assert "top it up, then retry" in returned.status_reason
    assert effects(standins, order, "warehouse") == ["restocked"]
    standins.clear()
    ann = get_user_model().objects.create_user("ann")
    desk.retry_now(run.pk, actor=ann, reason="topped up")
    assert carry(run.pk).status == "completed"
    assert refunds(standins, order) == [1850]


def test_a_refusal_that_is_only_remembered_is_not_news(standins: Standins, pay: Pay) -> None:
    """The worker that heard it died before it wrote so down."""
    order = pay()
    returned, _ = ask(order, mugs=1)
    standins.fault("payments", operation="refund", kind="refuse", order=order.number, times=1)
    with pytest.raises(Refused):
        refunding.refund(order.payment_intent, amount=1850, key="a-step", timeout=REFUND.longest)
    wish = paying.Wish(returned.pk, order.payment_intent, 1850)
    assert paying.pay(wish, key="a-step", again=False, timeout=REFUND.longest).amount == 1850
    assert refunds(standins, order) == [1850]


def test_a_disputed_charge_lands_on_the_desk(standins: Standins, pay: Pay) -> None:
    order = pay("pm_card_createDispute")
    returned = send_back(order, mugs=1)
    assert returned.status == "needs_attention"
    assert "it is taken back from us by the dispute" in returned.status_reason
    assert refunds(standins, order) == []


def test_a_charge_that_somebody_else_refunded_lands_on_the_desk(standins: Standins, pay: Pay) -> None:
    order = pay()
    refunding.refund(order.payment_intent, amount=16000, key=f"{order.number}/desk", timeout=REFUND.longest)
    returned = send_back(order, "r1", mugs=2)
    assert returned.status == "needs_attention"
    assert "Less than this is left of the charge" in returned.status_reason
    refunding.refund(order.payment_intent, amount=600, key=f"{order.number}/desk2", timeout=REFUND.longest)
    assert "All of this charge has been refunded" in send_back(order, "r2", lamps=1).status_reason


def test_a_refund_that_fails_later_is_owed_again(standins: Standins, pay: Pay) -> None:
    order = pay("pm_card_refundFail")
    returned = send_back(order, mugs=1)
    assert returned.status == "done"
    until(lambda: refunding.failure(returned.refund_id, timeout=REFUND.longest), 20, what="it fails")
    for number, kind in enumerate(("refund.failed", "refund.updated", "refund.failed")):
        with transaction.atomic():
            publish(PaymentReported(f"evt_{number}", kind, order.payment_intent, order.number), key=order.saga_key)
    testing.drain()
    assert carry(Run.objects.get(name="failed_refund").pk).status == "stuck"
    returned.refresh_from_db()
    assert (returned.status, returned.refunded_at) == ("needs_attention", None)
    assert "The refund failed: the bank does not say why. The customer's bank did not take" in returned.status_reason
    assert differences(standins, order) == []


def test_a_refund_whose_answer_is_lost_and_that_fails_meanwhile_is_no_refund(standins: Standins, pay: Pay) -> None:
    """The processor answers the same key as it did then, when the refund was on its way."""
    order = pay("pm_card_refundFail")
    standins.fault("payments", operation="refund", kind="lose_answer", order=order.number, times=1)
    returned, run = ask(order, mugs=1)
    while not refunds(standins, order):
        step_once(run.pk)
    until(lambda: standins.ledger("payments", order.number)[-1]["operation"] == "refund_failed", 20, what="it fails")
    assert carry(run.pk).status == "stuck"
    returned.refresh_from_db()
    assert (returned.status, returned.refunded_at) == ("needs_attention", None)
    assert "The customer's bank did not take the money" in returned.status_reason


def test_a_report_about_a_refund_that_stands_is_no_case(standins: Standins, pay: Pay) -> None:
    order = pay()
    send_back(order, mugs=1)
    with transaction.atomic():
        publish(PaymentReported("evt_1", "refund.failed", order.payment_intent, order.number), key=order.saga_key)
    testing.drain()
    assert not Run.objects.filter(name="failed_refund").exists()


def forget_keys() -> None:
    """A day has passed: the card processor knows no idempotency key any more."""
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path="/test_standins_payments"))
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM payments_storedanswer")
    connection.close()
