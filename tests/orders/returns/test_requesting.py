"""What can be returned, how much of it, and once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from orders.errors import KeyReused
from orders.lifecycle import status as order_status
from orders.models import Order
from orders.placing.place import place_order
from orders.returns import status
from orders.returns.errors import ReturnRefused, UnexpectedStatus
from orders.returns.events import ReturnRequested
from orders.returns.models import Return
from orders.returns.services import request_return
from outbox.testing import published
from sagas.models import Run

from .conftest import Ask, wanted

pytestmark = pytest.mark.django_db


def run_of(returned: Return) -> Run:
    return Run.objects.get(name="return", key=returned.saga_key)


def test_a_return_is_accepted_with_its_amount_and_its_saga(ask: Ask, order: Order) -> None:
    returned = ask(mug=1, reason="too heavy")
    assert returned.number.startswith("R-1")
    assert (returned.status, returned.amount, returned.currency) == ("requested", Decimal("18.50"), "EUR")
    assert [str(line) for line in returned.lines.all()] == ["1 × Mug"]
    assert published(ReturnRequested) == [ReturnRequested(returned.pk, returned.number, order.pk, 1850, "EUR")]
    assert run_of(returned).input["amount"] == 1850


def test_the_parcel_is_recalled_when_nothing_in_it_is_wanted_any_more(ask: Ask, order: Order) -> None:
    mugs = ask(mug=2, key="r1")
    assert run_of(mugs).input["tracking"] == ""
    with transaction.atomic():
        status.mark_refunding(mugs.pk)
    assert run_of(ask(lamp=1, key="r2")).input["tracking"] == order.tracking


def test_a_parcel_goes_on_while_an_earlier_return_may_still_be_declined(ask: Ask) -> None:
    ask(mug=2, key="r1")
    assert run_of(ask(lamp=1, key="r2")).input["tracking"] == ""


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ({"mug": 3}, "Mug: 2 of 2 can still be returned."),
        ({"mug": 1, "lamp": 2}, "Lamp: 1 of 1 can still be returned."),
        ({"yacht": 1}, "It was not ordered."),
    ],
)
def test_no_more_comes_back_than_was_ordered(ask: Ask, pieces: dict[str, int], words: str) -> None:
    with pytest.raises(ReturnRefused, match=words):
        ask(**pieces)
    assert not Return.objects.exists()


def test_what_is_being_returned_counts(ask: Ask) -> None:
    ask(mug=1, key="r1")
    with pytest.raises(ReturnRefused, match="1 of 2 can still be returned"):
        ask(mug=2, key="r2")
    ask(mug=1, key="r3")
    with pytest.raises(ReturnRefused, match="all of it is being returned already"):
        ask(mug=1, key="r4")


def test_what_was_declined_can_be_returned_again(ask: Ask) -> None:
    status.mark_declined(ask(mug=2, key="r1").pk, "never_left")
    assert ask(mug=2, key="r2").status == "requested"


def test_one_key_makes_one_return(ask: Ask, order: Order) -> None:
    first, again = ask(mug=1), request_return(order.pk, wanted(mug=1), idempotency_key="r1")
    assert (again.returned, again.created) == (first, False)
    assert Return.objects.count() == Run.objects.filter(name="return").count() == 1
    with pytest.raises(KeyReused):
        ask(lamp=1)


@pytest.mark.parametrize("where", ["processing", "needs_attention", "cancelled"])
def test_an_order_that_is_not_on_its_way_is_not_returned(wish, where: str) -> None:
    order = place_order(wish, idempotency_key="k2").order
    if where == "needs_attention":
        order_status.mark_needs_attention(order.pk, "stuck")
    if where == "cancelled":
        order_status.mark_cancelled(order.pk, "card_declined")
    words = {"processing": "once it is on its way", "needs_attention": "looking at", "cancelled": "nothing to return"}
    with pytest.raises(ReturnRefused, match=words[where]):
        request_return(order.pk, wanted(mug=1), idempotency_key="r1")


def test_no_more_is_promised_than_the_card_was_charged(ask: Ask, order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(charged=3700)
    ask(mug=1)
    with pytest.raises(ReturnRefused, match="more than your card was charged"):
        ask(lamp=1, key="r2")


def test_one_refund_belongs_to_one_return(ask: Ask) -> None:
    status.note_refund(ask(mug=1).pk, "re_1")
    with pytest.raises(IntegrityError, match="return_once_per_refund"):
        status.note_refund(ask(lamp=1, key="r2").pk, "re_1")


def test_a_declined_return_is_never_refunded(ask: Ask) -> None:
    returned = ask(mug=1)
    status.mark_declined(returned.pk, "never_left")
    with pytest.raises(UnexpectedStatus):
        status.mark_refunding(returned.pk)
