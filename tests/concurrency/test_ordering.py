"""Two tabs, two clicks, and an operator who prices what is being ordered, over two real connections."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client

from orders.locks import lock_product, save_product
from orders.models import Order, OrderLine, Product
from orders.placing.place import place_order
from orders.placing.validation import parse_order

from .meanwhile import Meanwhile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("wish")]


def form(**changes: str) -> dict[str, str]:
    """Two mugs, as a browser sends them from a page of its own."""
    page = {"token": uuid.uuid4().hex, "email": "ann@example.com", "payment_method": "pm_card_visa"}
    return page | {"quantity-mug": "2", "price-mug": "18.50"} | changes


def placed(posted: dict[str, str]):
    """What the checkout does with the form, in the caller's transaction."""
    lines = [{"sku": "mug", "quantity": 2, "unit_price": posted["price-mug"]}]
    body = {"email": posted["email"], "payment_method": "pm_card_visa", "lines": lines}
    return place_order(parse_order(body), idempotency_key=f"form:{posted['token']}", known_repeat="")


def hidden(name: str, page: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no {name}"
    return found[1]


def price(now: str) -> None:
    """An operator's edit, in the caller's transaction or one of its own."""
    with transaction.atomic():
        mug = lock_product(Product.objects.get(sku="mug").pk)
        mug.price = Decimal(now)
        save_product(mug, ["price"])


def test_of_two_tabs_that_order_one_basket_at_once_the_second_is_asked():
    tab = form()
    second = Meanwhile(lambda: Client().post("/checkout", tab))
    with transaction.atomic():
        placed(form())
        second.waits()
    answer = second.ends()
    page = answer.content.decode()
    assert answer.status_code == 409
    assert re.search(r"Just this was ordered with this e-mail address \d+ seconds? ago\.", page)
    assert "Yes, order it again" in page
    assert Order.objects.count() == 1
    yes = form(token=hidden("token", page), repeat=hidden("repeat", page))
    assert Client().post("/checkout", yes).status_code == 302
    assert Order.objects.count() == 2


def test_a_double_click_that_arrives_at_once_is_one_order_and_asks_nothing():
    page = form()
    click = Meanwhile(lambda: Client().post("/checkout", page))
    with transaction.atomic():
        order = placed(page).order
        click.waits()
    assert click.ends()["Location"] == f"/orders/{order.pk}/"
    assert Order.objects.count() == 1


def test_a_double_click_is_one_order_even_if_the_price_changes_between_the_clicks():
    page = form()
    click = Meanwhile(lambda: Client().post("/checkout", page))
    with transaction.atomic():
        order = placed(page).order
        Meanwhile(lambda: price("19.50")).does_not_wait()
        click.waits()
    assert click.ends()["Location"] == f"/orders/{order.pk}/"


def test_programs_say_what_they_mean_with_their_keys_and_are_not_asked():
    body = {"email": "ann@example.com", "payment_method": "pm_card_visa", "lines": [{"sku": "mug", "quantity": 2}]}

    def post(key: str):
        headers = {"Idempotency-Key": key}
        return Client(headers=headers).post("/api/orders", body, content_type="application/json")

    second = Meanwhile(lambda: post("b"))
    with transaction.atomic():
        place_order(parse_order(body), idempotency_key="a")
        assert second.does_not_wait().status_code == 201
    assert Order.objects.count() == 2


def test_an_order_at_a_price_that_is_just_being_changed_is_placed_at_the_price_that_the_customer_saw():
    customer = Meanwhile(lambda: Client().post("/checkout", form()))
    with transaction.atomic():
        price("19.50")
        assert customer.does_not_wait().status_code == 302
    assert OrderLine.objects.get().unit_price == Decimal("18.50")


def test_an_order_at_a_price_that_was_changed_since_places_nothing_and_shows_both():
    price("19.50")
    answer = Client().post("/checkout", form())
    page = " ".join(re.sub(r"<[^>]+>", "", answer.content.decode()).split())
    assert answer.status_code == 409
    assert "Nothing was ordered: prices changed after this page was shown. Mug was 18.50 19.50 EUR" in page
    assert "Your order was 37.00 39.00 EUR" in page
    assert not Order.objects.exists()
    again = form(token=hidden("token", answer.content.decode()), **{"price-mug": "19.50"})
    assert Client().post("/checkout", again).status_code == 302
    assert Order.objects.get().total == Decimal("39.00")


def test_a_program_that_names_the_prices_it_saw_is_told_both():
    line = {"sku": "mug", "quantity": 2, "unit_price": "17.00"}
    body = {"email": "ann@example.com", "payment_method": "pm_card_visa", "lines": [line], "total": "34.00"}
    client = Client(headers={"Idempotency-Key": "k"})
    answer = client.post("/api/orders", body, content_type="application/json")
    assert answer.status_code == 409
    assert answer.json() == {
        "errors": {
            "lines[0].unit_price": ["Mug costs 18.50 EUR now, not 17.00. Nothing was ordered."],
            "total": ["The order costs 37.00 EUR now, not 34.00. Nothing was ordered."],
        },
        "prices": [{"sku": "mug", "seen": "17.00", "now": "18.50"}],
        "total": {"seen": "34.00", "now": "37.00"},
        "currency": "EUR",
    }
    assert not Order.objects.exists()
    right = body | {"lines": [line | {"unit_price": "18.5"}], "total": "37.00"}
    assert client.post("/api/orders", right, content_type="application/json").status_code == 201
