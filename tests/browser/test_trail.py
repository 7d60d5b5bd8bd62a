"""The trail of an order's events in a real browser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orders.models import Order, Product
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.sagas import authorize_payment, book_shipment, reserve_stock
from tests.orders.choreography.story import EventStory, all_goes_well

pytestmark = pytest.mark.django_db(transaction=True)
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
DOTS = "rows => rows.map(row => row.querySelector('circle').getBoundingClientRect().x)"


@pytest.fixture
def trail(page: Page, live_server) -> str:
    """The address of the trail of an order whose parcel the carrier refused, with an operator logged in."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=10)
    User.objects.create_superuser("olga", password="olga")
    order = refused_order()
    page.goto(f"{live_server.url}/admin/orders/order/{order.pk}/change/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="its events, and what led to what").click()
    return f"{live_server.url}/admin/orders/order/{order.pk}/trail/"


def refused_order() -> Order:
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug", 2),))
    order = place_order(replace(wish, coordination="choreography"), idempotency_key="k1").order
    story = all_goes_well(EventStory(order), order.saga_key)
    story.when(book_shipment).refuses("no_capacity").expect_undone(authorize_payment, reserve_stock)
    return order


def test_an_operator_sees_at_a_glance_where_an_order_turned(page: Page, trail: str) -> None:
    turned = page.locator(".trail > li.act")
    expect(turned.locator("strong")).to_have_text("Shipment refused")
    expect(page.get_by_text("book_shipment: no_capacity (no_capacity)")).to_be_visible()
    columns = page.locator(".trail > li").evaluate_all(DOTS)
    assert len(set(columns)) == 2, "the second undo stands in a lane of its own"


def test_a_message_opens_to_what_it_said_and_leads_to_its_cause(page: Page, trail: str) -> None:
    page.get_by_text("orders.choreography.shipment_refused", exact=True).click()
    expect(page.get_by_text('"code": "no_capacity"')).to_be_visible()
    cause = page.locator(".trail > li.act").get_attribute("id")
    page.locator(".trail").get_by_role("link", name="Shipment refused").first.click()
    expect(page).to_have_url(f"{trail}#{cause}")


@pytest.mark.parametrize("width", [1280, 420])
def test_nothing_of_a_trail_is_cut_off(page: Page, trail: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for summary in page.locator(".trail summary").all():
        summary.click()
    assert page.evaluate(FITS)
