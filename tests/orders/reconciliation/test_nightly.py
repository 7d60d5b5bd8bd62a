"""The comparison against the card processor's real answers, and what becomes of a difference on the desk."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from orders.models import Order
from orders.participants import payments, refunding
from orders.placing.place import place_order
from orders.reconciliation.models import Reconciliation
from orders.reconciliation.nightly import reconcile
from sagas import desk
from sagas.models import Run
from tests.support.sagas.driver import carry

pytestmark = pytest.mark.django_db(transaction=True)
SOON = timedelta(seconds=10)


@pytest.fixture
def order(standins, wish) -> Order:
    """166.00 EUR, placed and carried by nobody."""
    return place_order(wish, idempotency_key="k1").order


def pay(order: Order, *, capture: bool = True) -> str:
    """The processor's part of the order, done for real."""
    request = payments.PaymentRequest(order.number, 16600, "EUR", "pm_card_visa", order.email)
    held = payments.authorize(request, key=f"{order.pk}.authorize", timeout=SOON)
    if capture:
        payments.capture(held.intent_id, key=f"{order.pk}.capture", timeout=SOON)
    return held.intent_id


def keep(order: Order, status: str, **books: Any) -> None:
    Order.objects.filter(pk=order.pk).update(status=status, **books)


def compare() -> Reconciliation:
    now = timezone.now()
    return reconcile(now - timedelta(minutes=5), now + timedelta(days=1))


def cases(order: Order) -> list[Run]:
    """Those of this order: the processor remembers the payments of other tests too."""
    return list(Run.objects.filter(name="books", subject__regex=f"^{order.number}( |$)"))


def the_case(order: Order) -> Run:
    """The order's only case, once a worker has looked into it."""
    (case,) = cases(order)
    return carry(case.pk)


def test_books_that_agree_open_no_case(order):
    keep(order, "confirmed", payment_intent=pay(order), charged=16600)
    done = compare()
    assert done.orders == 1
    assert done.payments >= 1
    assert done.ended_at is not None
    assert not cases(order)


def test_a_card_that_was_charged_for_a_cancelled_order_is_on_the_desk_with_what_to_do(order):
    intent = pay(order)
    keep(order, "cancelled")
    assert compare().differences >= 1
    case = the_case(order)
    assert (case.status, case.code, case.subject) == ("stuck", "charged_differs", f"{order.number} {order.email}")
    for words in (order.number, intent, "charged 0.00 EUR", "166.00 EUR", "refund it at the processor", "Retry now"):
        assert words in case.reason


def test_a_charge_that_the_processor_does_not_know_is_on_the_desk(order):
    keep(order, "confirmed", payment_intent="pi_unheard_of", charged=16600)
    compare()
    assert the_case(order).code == "charged_differs"


def test_a_hold_that_was_left_behind_is_on_the_desk_and_closes_when_it_is_let_go(order):
    intent = pay(order, capture=False)
    keep(order, "cancelled")
    compare()
    case = the_case(order)
    assert case.code == "still_held"
    request = payments.PaymentRequest(order.number, 16600, "EUR", "pm_card_visa", order.email)
    payments.void(request, key=f"{order.pk}.authorize", timeout=SOON, intent_id=intent)
    operator = get_user_model().objects.create_user("ann")
    desk.retry_now(case.pk, actor=operator, reason="The hold is released.")
    assert carry(case.pk).status == "completed"


def test_a_refund_that_we_know_nothing_of_is_on_the_desk(order):
    intent = pay(order)
    refunding.refund(intent, key=f"{order.pk}.refund", amount=600, timeout=SOON)
    keep(order, "confirmed", payment_intent=intent, charged=16600)
    compare()
    case = the_case(order)
    assert case.code == "refunded_differs"
    assert "6.00 EUR" in case.reason


def test_a_second_charge_for_one_order_is_on_the_desk(order):
    first = pay(order)
    request = payments.PaymentRequest(order.number, 16600, "EUR", "pm_card_visa", order.email)
    second = payments.authorize(request, key="another key", timeout=SOON).intent_id
    payments.capture(second, key="another key.capture", timeout=SOON)
    keep(order, "confirmed", payment_intent=first, charged=16600)
    compare()
    assert second in the_case(order).reason


def test_a_charge_of_another_shop_for_our_number_is_no_case(order, settings):
    settings.SHOP_ID = "another"
    pay(order)
    settings.SHOP_ID = "ours"
    keep(order, "cancelled")
    compare()
    assert not cases(order)


def test_a_charge_of_ours_for_no_order_is_on_the_desk(order):
    pay(order)
    Order.objects.filter(pk=order.pk).update(number="S-renumbered")
    compare()
    assert the_case(order).code == "charged_without_order"


def test_the_same_difference_is_one_case_however_often_it_is_found(order):
    pay(order)
    keep(order, "cancelled")
    compare()
    case = the_case(order)
    compare()
    operator = get_user_model().objects.create_user("ann")
    desk.resolve(case.pk, actor=operator, reason="Refunded by bank transfer.", ended="completed")
    assert compare().differences >= 1
    assert [one.pk for one in cases(order)] == [case.pk]


def test_a_difference_that_was_mended_and_comes_back_is_another_case(order):
    """As when a refund that failed was made anew, and fails again."""
    intent = pay(order)
    keep(order, "cancelled")
    compare()
    first = the_case(order)
    keep(order, "cancelled", payment_intent=intent, charged=16600)
    desk.retry_now(first.pk, actor=get_user_model().objects.create_user("ann"), reason="The books are set right.")
    assert carry(first.pk).status == "completed"
    keep(order, "cancelled", payment_intent="", charged=0)
    for _ in range(2):
        compare()
        first, second = sorted(cases(order), key=lambda one: one.created_at)
        assert carry(second.pk).code == "charged_differs"


def test_an_order_on_its_way_is_left_for_the_next_night(order):
    pay(order)
    compare()
    assert not cases(order)


def test_what_was_made_just_now_is_left_out_unless_asked_for(order):
    pay(order)
    keep(order, "cancelled")
    reconcile()
    assert not cases(order)
    said = StringIO()
    call_command("reconcile", "--days", "1", "--up-to-now", stdout=said)
    assert "Differences: " in said.getvalue()
    assert cases(order)


def test_a_comparison_that_breaks_off_says_so_and_raises(order, standins):
    standins.fault("payments", operation="list", kind="fail", times=1)
    with pytest.raises(Exception, match="500"):
        compare()
    assert Reconciliation.objects.get().ended_at is None
