"""A customer cancels at the moment at which something else happens to the order, over two real connections."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.test import Client

from orders.cancelling import customer_request
from orders.coordination.choose import coordinator_of
from orders.lifecycle import status
from orders.models import CancelRequest, Order
from orders.sagas import authorize_payment, book_shipment, capture_payment, reserve_stock
from sagas.models import Act
from tests.support.sagas.clock import someone_waits_for_a_lock
from tests.support.workers import until

from .meanwhile import Meanwhile

pytestmark = pytest.mark.django_db(transaction=True)
TIME = r"\d\d:\d\d:\d\d(\.\d\d\d)? UTC"
TOO_LATE = rf"You asked to cancel at {TIME}\. The bank had been asked to charge your card at {TIME}: it was too late\."
UNDONE_ONCE = {step.name: 1 for step in (authorize_payment, reserve_stock, book_shipment)}


def by_api(order: Order, **headers):
    return Client(headers=headers).post(f"/api/orders/{order.pk}/cancel")


def by_page(order: Order, version: int | None = None) -> str:
    form = {} if version is None else {"version": version}
    return Client().post(f"/orders/{order.pk}/cancel", form, follow=True).content.decode()


def test_a_cancel_that_comes_while_the_capture_begins_is_told_that_it_is_too_late(carried):
    customer = Meanwhile(lambda: by_api(carried.order))
    with transaction.atomic():
        assert carried.begin_capture()
        customer.waits()
    answer = customer.ends()
    assert answer.status_code == 409
    (told,) = answer.json()["errors"]["order"]
    assert told.startswith("It is too late to cancel this order: your card is being charged. You can return it")
    told = answer.json()["order"]["cancel"]
    assert told["answer"] == "too_late"
    assert re.fullmatch(TOO_LATE, told["message"])
    assert carried.end().status == "confirmed"
    assert carried.charged


def test_the_page_says_the_same_and_when_and_goes_on_saying_it(carried):
    customer = Meanwhile(lambda: by_page(carried.order, version=1))
    with transaction.atomic():
        assert carried.begin_capture()
        customer.waits()
    assert "It is too late to cancel this order: your card is being charged." in customer.ends()
    assert carried.end().status == "confirmed"
    page = Client().get(f"/orders/{carried.order.pk}/").content.decode()
    assert re.search(TOO_LATE, page)
    asked = CancelRequest.objects.get()
    assert asked.charge_begun_at is not None
    assert asked.charge_begun_at < asked.asked_at


def test_a_capture_that_comes_while_the_order_is_being_cancelled_never_begins(carried):
    worker = Meanwhile(lambda: take(carried))
    with transaction.atomic():
        assert customer_request.ask(carried.order).answer == "cancelled"
        worker.waits()
    assert worker.ends() is False
    assert carried.end().status == "cancelled"
    assert not carried.charged
    page = Client().get(f"/orders/{carried.order.pk}/").content.decode()
    assert re.search(rf"You asked to cancel at {TIME}, before the bank was asked to charge your card\.", page)
    assert "Your card was not charged." in page


def test_a_cancel_that_comes_while_the_parcel_is_being_booked_leaves_the_capture_nothing_to_do(booking):
    """The worker asks the carrier; the cancel has it finish that, and nothing more; all that it did is undone."""
    worker = Meanwhile(booking.book)
    with transaction.atomic():
        worker.thread.start()
        assert booking.asked.wait(10)
        assert customer_request.ask(booking.order).answer == "cancelled"
        booking.go_on.set()
        until(someone_waits_for_a_lock, 10, what="the worker records what the carrier said")
    worker.ends()
    assert worker.raised is None
    assert booking.end().status == "cancelled"
    assert not booking.charged
    assert booking.undos() == UNDONE_ONCE


def take(carried) -> bool:
    with transaction.atomic():
        return bool(carried.begin_capture())


def test_two_tabs_that_cancel_at_once_are_one_act_and_are_told_the_same(carried):
    second = Meanwhile(lambda: by_api(carried.order, **{"If-Match": tag_of(carried)}))
    with transaction.atomic():
        first = customer_request.ask(carried.order)
        second.waits()
    answer = second.ends()
    assert answer.status_code == 200
    assert answer.json()["cancel"]["answer"] == "cancelled"
    assert answer.json()["cancel"]["asked_at"] == first.asked_at.isoformat()
    assert CancelRequest.objects.count() == 1
    assert Act.objects.filter(verb="cancel").count() == (1 if carried.coordination == "saga" else 0)
    assert carried.end().status == "cancelled"
    assert carried.undos() == UNDONE_ONCE


def test_a_cancel_that_comes_while_a_refusal_turns_the_order_is_told_that_it_is_being_cancelled_already(carried):
    customer = Meanwhile(lambda: by_page(carried.order, version=1))
    with transaction.atomic():
        carried.refuse("card_declined")
        customer.waits()
    page = customer.ends()
    assert re.search(rf"You asked to cancel at {TIME}\. It was being cancelled already\.", page)
    assert "Your bank declined the card." in page
    ended = carried.end()
    assert (ended.status, ended.status_reason) == ("cancelled", "card_declined")
    assert carried.undos() == UNDONE_ONCE


def test_a_cancel_decided_on_what_is_no_longer_so_is_refused_and_told(carried):
    """The order went to a person's desk and back while the customer looked at what was before."""
    program = Meanwhile(lambda: by_api(carried.order, **{"If-Match": tag_of(carried)}))
    with transaction.atomic():
        there_and_back(carried, program.waits)
    answer = program.ends()
    assert answer.status_code == 412
    assert "send the ETag of that" in answer.json()["errors"]["If-Match"][0]
    assert answer.json()["order"]["version"] == 3
    assert not CancelRequest.objects.exists()
    assert by_api(carried.order, **{"If-Match": answer["ETag"]}).status_code == 200


def test_the_page_says_so_too(carried):
    customer = Meanwhile(lambda: by_page(carried.order, version=1))
    with transaction.atomic():
        there_and_back(carried, customer.waits)
    page = customer.ends()
    assert "Your order changed after this page was shown, and was not cancelled." in page
    assert carried.now.status == "processing"
    seen = re.search(r'name="version" value="(\d+)"', page)
    assert seen
    assert "was not cancelled" not in by_page(carried.order, version=int(seen[1]))
    assert carried.end().status == "cancelled"


def test_a_cancel_decided_before_the_bank_held_the_money_goes_through_when_it_does(placed):
    """What the page and the program saw is a step behind, and nothing that anybody decides on has changed."""
    tag = tag_of(placed)
    seen = placed.now.version
    placed.go_on_to(capture_payment)
    assert placed.now.payment_intent
    assert placed.now.version == seen
    assert by_api(placed.order, **{"If-Match": tag}).status_code == 200
    assert "was not cancelled" not in by_page(placed.order, version=seen)
    assert placed.end().status == "cancelled"


def there_and_back(carried, meanwhile) -> None:
    """To the desk and back. What carries the order is locked first: whoever waits for that holds nothing of ours."""
    coordinator_of(carried.order).lock()
    meanwhile()
    status.mark_needs_attention(carried.order.pk, "?")
    status.mark_processing(carried.order.pk)


def tag_of(carried) -> str:
    return Client().get(f"/api/orders/{carried.order.pk}")["ETag"]
