"""A product's picture that is not there costs the picture, and never the page."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.test import Client

from orders.models import Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production_static")]
THERE = "orders/products/mug-slate.svg"
NOWHERE = [
    "typo.svg",
    "https://example.com/mug.svg",
    "//example.com/mug.svg",
    "../../settings.py",
    "/etc/hostname",
    "orders/products",
    "orders/settle.css",
    "orders/products/mug-slate.svg?v=2",
    "orders/products/mug-sláte.svg",
    " ",
]


@pytest.mark.parametrize("image", NOWHERE)
def test_a_picture_that_is_not_there_is_left_out_and_the_page_is_shown(
    client: Client, products: dict[str, Product], image: str
) -> None:
    Product.objects.filter(sku="mug").update(image=image)
    Product.objects.filter(sku="lamp").update(image=THERE)
    page = client.get("/")
    assert page.status_code == 200
    text = page.content.decode()
    assert text.count('<img src="/static/orders/products/mug-slate.') == 1
    assert text.count('class="no-picture"') == 1


@pytest.mark.parametrize("image", NOWHERE)
def test_a_picture_that_is_not_there_is_not_saved(image: str) -> None:
    with pytest.raises(ValidationError, match=r"Write the path of a picture among the static files, such as"):
        Product(sku="mug", name="Mug", price=1, image=image).full_clean()


def test_a_picture_that_is_there_and_none_at_all_are_saved() -> None:
    for image in (THERE, ""):
        Product(sku="mug", name="Mug", price=1, image=image).full_clean()


def test_an_operator_is_told_beside_the_field(admin_client: Client, products: dict[str, Product]) -> None:
    mug = products["mug"]
    form = {"name": "Mug", "description": "", "price": "19.00", "image": "typo.svg", "seen_version": "1"}
    answer = admin_client.post(f"/admin/orders/product/{mug.pk}/change/", form)
    assert answer.status_code == 200
    assert "There is no typo.svg among the static files." in answer.content.decode()
    mug.refresh_from_db()
    assert str(mug.price) == "18.50"


def test_a_check_names_the_products_whose_picture_a_deploy_took_away(products: dict[str, Product]) -> None:
    def told() -> list[Any]:
        return [one for one in run_checks(databases=["default"]) if one.id == "orders.W010"]

    assert told() == []
    Product.objects.filter(sku="mug").update(image="gone.svg")
    (warning,) = told()
    assert "mug (gone.svg)" in warning.msg
