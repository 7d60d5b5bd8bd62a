"""What a newcomer finds, and what the admin shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from config.standins.payments import cards as bank
from orders.catalogue import availability
from orders.catalogue.seed import CATALOGUE
from orders.models import Order, Product
from orders.participants import warehouse
from orders.placing import payment_methods
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production_static")]


def test_loading_twice_leaves_one_catalogue_and_one_operator() -> None:
    call_command("load_local")
    Product.objects.filter(sku="mug-slate").update(price=20)
    call_command("load_local")
    assert Product.objects.count() == len(CATALOGUE)
    assert Product.objects.get(sku="mug-slate").price == 20
    operator = get_user_model().objects.get()
    assert operator.check_password("operator")
    assert operator.is_superuser


def test_nothing_is_loaded_in_production(settings: Any) -> None:
    settings.LOCAL = False
    with pytest.raises(CommandError, match="nothing was loaded"):
        call_command("load_local")
    assert not get_user_model().objects.exists()


def test_the_catalogue_has_a_scarce_and_a_sold_out_product() -> None:
    assert {1, 0} <= {item.stock for item in CATALOGUE}


def test_availability_follows_the_warehouse(products: dict[str, Product], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "stock", lambda: {"mug": 3, "unheard-of": 9})
    assert availability.refresh() == 2
    assert dict(Product.objects.values_list("sku", "available")) == {"mug": 3, "lamp": 0}


def test_a_silent_warehouse_leaves_the_old_numbers(
    products: dict[str, Product], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def silent() -> dict[str, int]:
        raise ConnectionError("refused")

    monkeypatch.setattr(warehouse, "stock", silent)
    assert availability.refresh() == 0
    assert Product.objects.get(sku="mug").available == 10
    assert "the old numbers stay" in caplog.text


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


@pytest.mark.parametrize("query", ["number", "email"])
def test_an_operator_finds_an_order_and_its_saga(admin_client: Client, order: Order, query: str) -> None:
    found = admin_client.get("/admin/orders/order/", {"q": getattr(order, query)})
    assert order.number in found.content.decode()
    page = admin_client.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert "/admin/sagas/run/" in page
    assert 'name="_save"' not in page


def test_nobody_changes_an_order_in_the_admin(admin_client: Client, order: Order) -> None:
    assert admin_client.post(f"/admin/orders/order/{order.pk}/change/", {"status": "confirmed"}).status_code == 403
    assert admin_client.post(f"/admin/orders/order/{order.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get("/admin/orders/order/add/").status_code == 403


def test_an_operator_changes_a_price_but_not_a_sku(admin_client: Client, products: dict[str, Product]) -> None:
    mug = products["mug"]
    form = {"name": "Mug", "description": "Better", "price": "19.00", "sku": "other", "image": "", "seen_version": "1"}
    assert admin_client.post(f"/admin/orders/product/{mug.pk}/change/", form).status_code == 302
    mug.refresh_from_db()
    assert (mug.sku, str(mug.price), mug.available) == ("mug", "19.00", 10)


def test_every_card_that_the_shop_takes_locally_is_known_to_the_bank_of_the_stand_in() -> None:
    shop_takes = payment_methods.STRIPE_TEST_CARDS | payment_methods.STANDIN_ONLY
    assert {card.payment_method for card in payment_methods.TEST_CARDS} <= shop_takes
    assert {name for name in shop_takes if not bank.is_known(name)} == set()
