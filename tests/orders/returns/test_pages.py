"""What the customer sees: the way to a return, its form, and where it stands."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from orders.lifecycle import status as order_status
from orders.models import Order
from orders.placing.place import place_order
from orders.returns import status
from orders.returns.models import Return
from sagas.models import Run, Step

from .conftest import Ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production_static")]


def page_of(client: Client, order: Order) -> str:
    return client.get(f"/orders/{order.pk}/").content.decode()


def filled(token: str = "", /, **pieces: object) -> dict[str, object]:
    return {"token": token or uuid4().hex, "reason": "", **{f"quantity-{sku}": n for sku, n in pieces.items()}}


def test_a_confirmed_order_offers_a_return(client: Client, order: Order) -> None:
    assert "Return something" in page_of(client, order)
    page = client.get(f"/orders/{order.pk}/return").content.decode()
    assert "2 of 2, 18.50 EUR each" in page
    assert re.search(r'name="token" value="[0-9a-f]{32}"', page)


def test_a_sent_form_makes_a_return_and_shows_it_on_the_orders_page(client: Client, order: Order) -> None:
    page = client.post(f"/orders/{order.pk}/return", filled(mug=1), follow=True).content.decode()
    returned = Return.objects.get()
    for words in (returned.number, "1 × Mug", "We are telling the carrier and the warehouse.", "every 1s"):
        assert words in page


def test_a_double_click_makes_one_return(client: Client, order: Order) -> None:
    form = filled(mug=1)
    for _ in range(2):
        assert client.post(f"/orders/{order.pk}/return", form).status_code == 302
    assert Return.objects.count() == 1


def test_too_many_pieces_are_said_beside_their_line(client: Client, order: Order, ask: Ask) -> None:
    ask(mug=1)
    answer = client.post(f"/orders/{order.pk}/return", filled(mug=2, lamp=1))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Mug: 1 of 2 can still be returned." in page
    assert 'value="2"' in page
    assert "166.00 EUR" in page, "the amount that was asked for"
    assert Return.objects.count() == 1


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ({}, "Choose at least one product."),
        ({"mug": "many"}, "Give a whole number from 1 to 99."),
        ({"yacht": 1}, "It was not ordered."),
    ],
)
def test_a_mistake_is_said(client: Client, order: Order, pieces: dict[str, object], words: str) -> None:
    answer = client.post(f"/orders/{order.pk}/return", filled(**pieces))
    assert answer.status_code in (400, 409)
    assert words in answer.content.decode()


def test_one_form_is_one_return(client: Client, order: Order) -> None:
    token = uuid4().hex
    client.post(f"/orders/{order.pk}/return", filled(token, mug=1))
    answer = client.post(f"/orders/{order.pk}/return", filled(token, lamp=1))
    assert answer.status_code == 422
    assert "has sent a return already" in answer.content.decode()
    assert token not in answer.content.decode()


def test_the_page_tells_the_truth_about_the_money(client: Client, order: Order, ask: Ask) -> None:
    returned = ask(mug=2)
    assert '<span id="refunded"></span>' in page_of(client, order)
    status.note_refund(returned.pk, "re_1")
    status.mark_refunding(returned.pk)
    status.mark_done(returned.pk)
    page = page_of(client, order)
    assert "Your card was charged 166.00 EUR, once." in page
    assert "37.00 EUR of it was refunded." in page
    assert "37.00 EUR was refunded. Please send the pieces back to us." in page
    assert "every 1s" not in page
    status.mark_unpaid(returned.pk, "re_1", "the bank says no")
    page = page_of(client, order)
    assert "of it was refunded" not in page
    assert "The refund of 37.00 EUR did not arrive: your bank gave it back to us. We owe it to you. One of us" in page
    assert "the bank says no" not in page


def test_the_list_is_sent_again_only_when_it_has_changed(client: Client, order: Order, ask: Ask) -> None:
    returned = ask(lamp=1, mug=2)
    seen = re.search(r"returns\?seen=([0-9a-f]+)", page_of(client, order))
    assert seen
    where = f"/orders/{order.pk}/returns"
    assert client.get(where, {"seen": seen[1]}).status_code == 204
    status.note_parcel(returned.pk, "stopped")
    status.mark_refunding(returned.pk)
    changed = client.get(where, {"seen": seen[1]}).content.decode()
    assert "Your money is on its way back. The carrier stopped your parcel" in changed
    assert 'id="refunded" hx-swap-oob="true"' in changed
    assert "Your order is coming back to us.</h1>" in changed
    assert "Your order is coming back to us.</h1>" in page_of(client, order)


def test_a_parcel_that_is_stopped_for_one_return_brings_back_the_others_too(
    client: Client, order: Order, ask: Ask
) -> None:
    first, second = ask(mug=2, key="r1"), ask(lamp=1, key="r2")
    status.note_parcel(second.pk, "stopped")
    for one in (first, second):
        status.mark_refunding(one.pk)
        status.note_refund(one.pk, f"re_{one.pk}")
        status.mark_done(one.pk)
    page = page_of(client, order)
    assert page.count("The carrier stopped your parcel: it comes back to us by itself.") == 2
    assert 'once. <span id="refunded">All of it was refunded.</span>' in page


def test_nothing_is_offered_when_all_is_being_returned(client: Client, order: Order, ask: Ask) -> None:
    ask(lamp=1, mug=2)
    assert "Return something" not in page_of(client, order)
    page = client.get(f"/orders/{order.pk}/return", follow=True).content.decode()
    assert "All of this order is being returned already." in page


def test_an_order_past_its_point_of_no_return_says_how_it_can_be_given_back(client: Client, wish) -> None:
    order = place_order(wish, idempotency_key="k2").order
    assert "too late to cancel" not in page_of(client, order)
    Step.objects.filter(name="capture_payment").update(status="done")
    Run.objects.update(position=4)
    assert "Once it is on its way you can return it, here on this page." in page_of(client, order)
    assert "Return something" not in page_of(client, order)


def test_an_order_that_is_stuck_offers_nothing(client: Client, wish) -> None:
    order = place_order(wish, idempotency_key="k2").order
    Step.objects.filter(name="capture_payment").update(status="done")
    with transaction.atomic():
        order_status.mark_needs_attention(order.pk, "stuck")
    page = page_of(client, order)
    assert "Return something" not in page
    assert "you can return it" not in page


def test_a_stuck_return_is_found_in_the_admin_with_its_run_and_its_order(admin_client: Client, ask: Ask) -> None:
    returned = ask(mug=1)
    status.mark_needs_attention(returned.pk, "the bank says no")
    order = admin_client.get(f"/admin/orders/order/{returned.order_id}/change/").content.decode()
    for words in (f"?state=all&amp;q={returned.order.number}", "166.00 EUR"):
        assert words in order
    listed = admin_client.get("/admin/returns/return/", {"q": returned.order.number}).content.decode()
    assert returned.number in listed
    page = admin_client.get(f"/admin/returns/return/{returned.pk}/change/").content.decode()
    for words in ("the bank says no", f"/admin/orders/order/{returned.order_id}/change/", "/admin/sagas/run/", "Mug"):
        assert words in page
    assert 'name="_save"' not in page
    assert returned.number in admin_client.get(f"/admin/orders/order/{returned.order_id}/change/").content.decode()
    assert admin_client.post(f"/admin/returns/return/{returned.pk}/delete/", {"post": "yes"}).status_code == 403
