"""A price in any currency, from the product to the statement; and one that changes under an open basket."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from orders.models import Order, Product
from orders.participants import flight, hotel
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.reconciliation.nightly import reconcile
from orders.returns.models import Return
from orders.returns.sagas import returning
from orders.returns.services import request_return
from orders.trips import offers
from orders.trips.models import FlightOffer, HotelOffer, Trip
from outbox.testing import drain
from sagas.models import Run
from sagas.testing import given_run
from tests.orders.choreography import driver
from tests.orders.returns.conftest import wanted
from tests.support.sagas.driver import carry
from tests.support.standins import Standins

SKU = "mug-slate"
Post = Callable[..., Any]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("coordination", ["saga", "choreography"])
@pytest.mark.parametrize(
    ("currency", "price", "total", "minor"),
    [("JPY", "1850", "3700 JPY", 3700), ("KWD", "5.12", "10.240 KWD", 10240), ("EUR", "18.5", "37.00 EUR", 3700)],
)
def test_an_order_is_paid_shown_and_given_back_in_its_currency(
    standins: Standins,
    mailoutbox: list[EmailMessage],
    coordination: str,
    currency: str,
    price: str,
    total: str,
    minor: int,
) -> None:
    standins.set_stock(SKU, 1000)
    Product.objects.create(sku=SKU, name="Mug", price=price, currency=currency, available=9)
    shop = Client().get("/").content.decode()
    assert f"&nbsp;{currency}" in shop
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine(SKU, 2),), coordination)
    order = place_order(wish, idempotency_key="k1").order
    if coordination == "saga":
        carry(Run.objects.get(key=order.saga_key).pk)
    else:
        driver.carry(order.pk)
    order.refresh_from_db()
    assert (order.status, order.charged, f"{order.total} {order.currency}") == ("confirmed", minor, total)
    assert Client().get(f"/api/orders/{order.pk}").json()["total"] == total.partition(" ")[0]
    assert f"Your card was charged {total}, once." in Client().get(f"/orders/{order.pk}/").content.decode()
    drain()
    assert any(f"Charged to your card, once: {total}" in str(letter.body) for letter in mailoutbox)
    returned = request_return(order.pk, wanted(**{SKU: 1}), idempotency_key="r1").returned
    given_run(returning, key=returned.saga_key).calling_participants().expect_completed()
    answer = requests.get(f"{standins.url}/payments/_statement", params={"order": order.number}, timeout=10).json()
    assert [(entry["amount"], entry["currency"]) for entry in answer["entries"]] == [
        (minor, currency.lower()),
        (-minor // 2, currency.lower()),
    ]
    reconcile(timezone.now() - timedelta(minutes=5), timezone.now() + timedelta(days=1))
    assert not Run.objects.filter(name="books", subject__startswith=f"{order.number} ").exists()


OFFER = {"code": "x", "name": "X", "city": "Oslo", "price": 1}
TRIP = {"total": 1, "flight_price": 1, "night_price": 1, "nights": 1, "departs": date(2030, 1, 1)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Product, {"sku": "x", "name": "X", "price": 1}),
        (Order, {"total": 1}),
        (Return, {"amount": 1}),
        (FlightOffer, {**OFFER, "departs": date(2030, 1, 1), "left": 1}),
        (HotelOffer, OFFER),
        (Trip, TRIP),
    ],
)
def test_the_database_refuses_a_currency_that_the_code_does_not_know(
    model: Any, values: dict[str, Any], order: Order
) -> None:
    if model is Return:
        values = {**values, "order": order}
    made = model.objects.create(currency="EUR", **values)
    with pytest.raises(IntegrityError, match="currency_known"), transaction.atomic():
        model.objects.filter(pk=made.pk).update(currency="XXX")


@pytest.fixture
def order(products: dict[str, Product]) -> Order:
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug", 1),))
    return place_order(wish, idempotency_key="k1").order


@pytest.mark.django_db
def test_a_product_whose_currency_changed_under_an_open_basket_is_a_price_change(
    products: dict[str, Product], client: Client
) -> None:
    Product.objects.filter(sku="mug").update(currency="USD")
    lines = [{"sku": "mug", "quantity": 1, "unit_price": "18.50"}, {"sku": "lamp", "quantity": 1}]
    for chosen in (lines, lines[:1]):
        wish = {"email": "ann@example.com", "payment_method": "pm_card_visa", "lines": chosen, "currency": "EUR"}
        headers = {"Idempotency-Key": f"k{len(chosen)}"}
        answer = client.post("/api/orders", json.dumps(wish), content_type="application/json", headers=headers)
        assert answer.status_code == 409
        [said] = answer.json()["errors"]["lines[0].unit_price"]
        assert said == "Mug costs 18.50 USD now, not 18.50 EUR. Nothing was ordered."
        assert (answer.json()["currency"], answer.json()["seen_currency"]) == ("USD", "EUR")
    assert not Order.objects.exists()


@pytest.mark.django_db
def test_the_page_shows_both_currencies_and_orders_when_asked_again(
    products: dict[str, Product], client: Client
) -> None:
    form = {
        **{"token": "0" * 32, "email": "ann@example.com", "payment_method": "pm_card_visa"},
        **{"quantity-mug": "1", "price-mug": "18.50", "currency-mug": "EUR"},
    }
    Product.objects.filter(sku="mug").update(currency="USD")
    page = client.post("/checkout", form)
    assert page.status_code == 409
    assert "18.50 EUR</s> 18.50 USD" in page.content.decode()
    assert 'name="currency-mug" value="USD"' in page.content.decode()
    assert client.post("/checkout", {**form, "currency-mug": "USD"}).status_code == 302
    assert Order.objects.get().currency == "USD"


@pytest.mark.django_db
def test_sums_of_two_currencies_stand_beside_each_other_and_are_ordered_apart(
    products: dict[str, Product], client: Client
) -> None:
    Product.objects.create(sku="fan", name="Fan", price=1200, currency="JPY", available=3)
    form = {"token": "0" * 32, "email": "ann@example.com", "payment_method": "pm_card_visa"}
    page = client.post("/checkout", {**form, "quantity-mug": "2", "quantity-fan": "1"}).content.decode()
    assert "1200 JPY + 37.00 EUR" in page or "37.00 EUR + 1200 JPY" in page
    assert "Order products of different currencies apart." in page


@pytest.mark.django_db
@pytest.mark.parametrize(("price", "said"), [("18.505", "no whole number of its smallest unit"), ("19.5", "")])
def test_a_price_that_its_currency_cannot_have_is_refused_where_it_is_typed(
    admin_client: Client, price: str, said: str
) -> None:
    form = {"name": "Mug", "sku": "mug", "description": "", "price": price, "currency": "EUR", "image": ""}
    page = admin_client.post("/admin/orders/product/add/", form)
    if said:
        assert said in page.content.decode()
        assert not Product.objects.exists()
    else:
        assert str(Product.objects.get().price) == "19.50"


@pytest.mark.django_db
def test_offers_in_a_currency_that_the_shop_does_not_know_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    day = date(2030, 1, 4)
    flights = [
        flight.Offer(code, code, "Oslo", day, 12_900, currency, 3) for code, currency in (("a", "JPY"), ("b", "XXX"))
    ]
    monkeypatch.setattr(flight, "offers", lambda **_: flights)
    monkeypatch.setattr(hotel, "offers", lambda **_: [hotel.Offer("c", "C", "Oslo", 9000, "XXX", {day: 1})])
    offers.refresh()
    assert [(one.code, str(one.price)) for one in FlightOffer.objects.all()] == [("a", "12900")]
    assert not HotelOffer.objects.exists()
    assert FlightOffer.objects.get().price == Decimal(12900)
