"""The shop's pages, without a browser."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orders import wording
from orders.lifecycle import payment, status
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.presentation.timeline import Timeline
from sagas.models import Run, Step

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("products", "production_static")]


def filled(client: Client, **changes: str) -> dict[str, str]:
    """The checkout form as a browser would send it."""
    page = client.get("/").content.decode()
    token = re.search(r'name="token" value="([0-9a-f]{32})"', page)
    assert token
    form = {
        "token": token[1],
        "email": "ann@example.com",
        "payment_method": "pm_card_visa",
        "quantity-mug": "2",
        "quantity-lamp": "0",
    }
    return form | changes


def test_a_customer_orders_and_lands_on_the_orders_page(client: Client) -> None:
    answer = client.post("/checkout", filled(client), follow=True)
    order = Order.objects.get()
    assert answer.redirect_chain == [(f"/orders/{order.pk}/", 302)]
    page = answer.content.decode()
    for words in (order.number, "2 × Mug", "37.00 EUR", "Authorising your payment", "Confirming availability"):
        assert words in page


def test_a_double_click_makes_one_order(client: Client) -> None:
    form = filled(client)
    first, second = (client.post("/checkout", form) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Order.objects.count() == 1


def ask_twice(client: Client, **changes: str) -> str:
    """The page that comes when the same is ordered from two pages."""
    client.post("/checkout", filled(client))
    answer = client.post("/checkout", filled(client, **changes))
    assert answer.status_code == 409
    return str(answer.content.decode())


def known(page: str) -> str:
    mark = re.search(r'name="repeat" value="([0-9a-f]{16}-\d+)"', page)
    assert mark
    return mark[1]


def test_two_pages_make_two_orders_when_the_customer_says_so(client: Client) -> None:
    page = ask_twice(client)
    assert "Did you mean to order it again? Nothing more was ordered yet." in page
    assert Order.objects.count() == 1
    assert client.post("/checkout", filled(client, repeat=known(page))).status_code == 302
    assert Order.objects.count() == 2


def test_a_yes_to_one_repetition_is_no_yes_to_the_next_nor_to_another_basket(client: Client) -> None:
    yes = known(ask_twice(client))
    client.post("/checkout", filled(client, repeat=yes))
    assert client.post("/checkout", filled(client, repeat=yes)).status_code == 409
    lamp = {"quantity-lamp": "1"}
    assert client.post("/checkout", filled(client, **lamp, repeat=yes)).status_code == 302
    assert client.post("/checkout", filled(client, **lamp, repeat=yes)).status_code == 409


def test_only_the_browser_that_placed_an_order_is_shown_it_when_the_same_is_ordered_again(client: Client) -> None:
    number = "No, show me order"
    assert number in ask_twice(client, email="ANN@example.com")
    stranger = Client()
    page = stranger.post("/checkout", filled(stranger)).content.decode()
    assert "Did you mean to order it again?" in page
    assert number not in page
    stranger.cookies["latest-order"] = str(Order.objects.get().pk)
    assert number not in stranger.post("/checkout", filled(stranger)).content.decode()


def test_whoever_was_declined_or_ordered_long_ago_orders_again_unasked(client: Client) -> None:
    for change in ({"status": "cancelled"}, {"created_at": timezone.now() - timedelta(minutes=11)}):
        assert client.post("/checkout", filled(client)).status_code == 302
        Order.objects.update(**change)
    assert Order.objects.count() == 2


def test_a_used_up_page_with_another_basket_asks_before_it_makes_a_second_order(client: Client) -> None:
    form = filled(client)
    client.post("/checkout", form)
    answer = client.post("/checkout", form | {"quantity-mug": "3"})
    assert answer.status_code == 422
    assert "This page has sent an order already" in answer.content.decode()
    assert form["token"] not in answer.content.decode()
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "nobody"}, "Enter an e-mail address such as"),
        ({"email": ""}, "Enter your e-mail address."),
        ({"payment_method": "pm_none"}, "We do not know this payment method."),
        ({"payment_method": ""}, "Choose a payment method."),
        ({"quantity-mug": ""}, "Choose at least one product."),
        ({"quantity-mug": "100"}, "Give a whole number from 1 to 99."),
        ({"quantity-mug": "-1"}, "Give a whole number from 1 to 99."),
        ({"quantity-mug": "two"}, "Give a whole number from 1 to 99."),
        ({"quantity-mug": "²"}, "Give a whole number from 1 to 99."),
        ({"quantity-mug": "9" * 5000}, "Give a whole number from 1 to 99."),
        ({"email": "a\x00@example.com"}, "Enter an e-mail address such as"),
    ],
)
def test_bad_input_stands_on_the_page_beside_what_was_typed(
    client: Client, changes: dict[str, str], message: str
) -> None:
    form = filled(client, **changes)
    answer = client.post("/checkout", form)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert message in page
    assert form["token"] in page
    assert not Order.objects.exists()


def test_a_product_that_is_not_sold_is_said_to_be_so(client: Client) -> None:
    answer = client.post("/checkout", filled(client, **{"quantity-yacht": "1"}))
    assert answer.status_code == 400
    assert "We do not sell this product." in answer.content.decode()


def test_a_form_from_another_site_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/checkout", filled(client)).status_code == 403


def test_cards_that_only_the_stand_in_knows_are_offered_on_a_developers_machine_only(
    client: Client, settings: Any
) -> None:
    assert "capture keeps failing" in client.get("/").content.decode()
    settings.LOCAL = False
    assert "capture keeps failing" not in client.get("/").content.decode()


def test_an_unknown_order_has_a_page_that_says_so(client: Client) -> None:
    answer = client.get("/orders/00000000-0000-0000-0000-000000000000/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


def change(run: dict[str, object] | None = None, **steps: dict[str, object]) -> None:
    """Set columns of the order's run, and of its steps by name."""
    if run:
        Run.objects.update(**run)
    for name, values in steps.items():
        assert Step.objects.filter(name=name).update(**values) == 1


def shown(order: Order) -> Timeline:
    order.refresh_from_db()
    return Timeline.of(order)


def test_the_page_asks_again_until_the_order_is_settled(client: Client, order: Order) -> None:
    address = f"/orders/{order.pk}/progress"
    page = client.get(address).content.decode()
    seen = re.search(r"seen=([0-9a-f]+)", page)
    assert seen
    assert 'hx-trigger="every 700ms"' in page
    assert client.get(address, {"seen": seen[1]}).status_code == 204
    status.confirm_order(order.pk, "TRACK-1")
    final = client.get(address, {"seen": seen[1]}).content.decode()
    assert "TRACK-1" in final
    assert "hx-get" not in final


def test_a_waiting_step_says_who_did_not_answer_and_when_it_is_tried_again(order: Order) -> None:
    due = timezone.now() + timedelta(seconds=2.5)
    change(authorize_payment={"status": "waiting", "attempts": 1, "next_attempt_at": due})
    step = shown(order).steps[0]
    assert (step.state, step.note) == ("waiting", "The bank did not answer; trying again in 3 s.")


def test_a_cancelled_order_says_why_and_that_nothing_was_charged(client: Client, order: Order) -> None:
    refused: dict[str, object] = {"status": "refused", "error_code": "out_of_stock"}
    change({"status": "compensated"}, authorize_payment={"status": "undone"}, reserve_stock=refused)
    status.mark_cancelled(order.pk, "out_of_stock")
    page = client.get(f"/orders/{order.pk}/").content.decode()
    assert "The warehouse no longer has everything you ordered. Your card was not charged." in page
    assert [step.label for step in shown(order).steps[:3]] == ["undone", "refused", "not needed"]
    assert "http-equiv" not in page


def test_an_order_whose_charge_is_in_doubt_promises_only_what_is_known(client: Client, order: Order) -> None:
    change({"status": "stuck", "position": 3}, capture_payment={"status": "in_doubt"})
    status.mark_needs_attention(order.pk, "in doubt")
    timeline = shown(order)
    assert timeline.charge == "We are finding out whether your card was charged. It will not be charged twice."
    assert (timeline.steps[3].label, timeline.can_cancel) == ("needs a person", False)


def test_an_order_that_a_person_settled_shows_no_step_as_open(order: Order) -> None:
    change({"status": "resolved", "resolution": "completed"}, capture_payment={"status": "in_doubt"})
    status.mark_needs_attention(order.pk, "in doubt")
    status.confirm_order(order.pk, "")
    timeline = shown(order)
    assert timeline.charge == wording.UNRECORDED
    assert {step.state for step in timeline.steps[3:]} == {"settled", "skipped"}


def test_an_order_that_a_person_settled_is_called_charged_once_the_bank_says_so(order: Order) -> None:
    change({"status": "resolved", "resolution": "completed"}, capture_payment={"status": "in_doubt"})
    status.mark_needs_attention(order.pk, "in doubt")
    status.confirm_order(order.pk, "")
    payment.note_charge(order.pk, "pi_1", 16600)
    assert shown(order).charge == "Your card was charged 166.00 EUR, once."


def test_a_customer_cancels_from_the_page_until_the_payment_is_taken(client: Client, order: Order) -> None:
    assert "Cancel this order" in client.get(f"/orders/{order.pk}/").content.decode()
    page = client.post(f"/orders/{order.pk}/cancel", follow=True).content.decode()
    assert "Your order is cancelled." in page
    assert "Cancel this order" not in page


def test_a_late_cancel_is_told_that_it_is_too_late(client: Client, order: Order) -> None:
    change({"position": 4}, capture_payment={"status": "done"})
    page = client.post(f"/orders/{order.pk}/cancel", follow=True).content.decode()
    assert "It is too late to cancel this order: your card was charged." in page
    assert "Your card was charged 166.00 EUR, once." in page
    assert "Cancel this order" not in page
