"""A return in a real browser, while the test plays the part of the workers."""

from __future__ import annotations

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from orders.lifecycle import payment
from orders.lifecycle import status as order_status
from orders.models import Order, Product
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.returns import status
from orders.returns.models import Return

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(live_server) -> Order:
    """Two mugs and a lamp, on their way."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=10)
    Product.objects.create(sku="lamp", name="Lamp", price="129.00", available=1)
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug", 2), OrderedLine("lamp", 1)))
    placed = place_order(wish, idempotency_key="k1").order
    with transaction.atomic():
        payment.note_charge(placed.pk, "pi_1", 16600)
        order_status.confirm_order(placed.pk, "TRK0000000001")
    return placed


def refund(returned: Return) -> None:
    """What the workers do."""
    with transaction.atomic():
        status.mark_refunding(returned.pk)
        status.note_refund(returned.pk, f"re_{returned.number}")
        status.mark_done(returned.pk)


def test_a_customer_returns_a_mug_and_then_the_rest(page: Page, live_server, order: Order) -> None:
    page.goto(f"{live_server.url}{order.get_absolute_url()}")
    page.get_by_role("link", name="Return something").click()
    page.get_by_label("One Mug more").click()
    expect(page.locator("#total")).to_have_text("18.50 EUR")
    page.get_by_role("button", name="Return these").dblclick()
    expect(page.get_by_text("We are telling the carrier and the warehouse.")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    refund(Return.objects.get())
    expect(page.locator(".truth")).to_contain_text("charged 166.00 EUR, once. 18.50 EUR of it was refunded.")
    expect(page.get_by_text("Please send the pieces back to us.")).to_be_visible()
    assert page.evaluate("window.notReloaded")

    page.get_by_role("link", name="Return something").click()
    page.get_by_label("How many of Mug").fill("2")
    page.get_by_role("button", name="Return these").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_text("Mug: 1 of 2 can still be returned.")).to_be_visible()
    page.get_by_label("How many of Mug").fill("1")
    page.get_by_label("How many of Lamp").fill("1")
    page.get_by_role("button", name="Return these").click()
    page.wait_for_url(f"**{order.get_absolute_url()}")
    last = Return.objects.latest("created_at")
    with transaction.atomic():
        status.note_parcel(last.pk, "stopped")
    refund(last)
    expect(page.get_by_role("heading", name="Your order is coming back to us.")).to_be_visible()
    expect(page.locator("#refunded")).to_have_text("All of it was refunded.")
    expect(page.get_by_role("link", name="Return something")).to_have_count(0)
    assert Return.objects.count() == 2
