"""A customer who waits behind others is told so, with and without JavaScript, until real workers come to the order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from tests.support.standins import Standins
from tests.support.workers import Program

pytestmark = pytest.mark.django_db(transaction=True)
SETTLES = 60_000  # milliseconds; on two busy cores
AHEAD = 12


@pytest.fixture
def shop(live_server, standins: Standins) -> str:
    """The address of the shop, whose workers are stopped."""
    call_command("load_local", verbosity=0)
    return str(live_server.url)


@pytest.fixture
def queued(page: Page, shop: str) -> Order:
    """An order with others ahead of it, placed on the site."""
    for number in range(AHEAD):
        wish = PlaceOrder(f"bob{number}@example.com", "pm_card_visa", (OrderedLine("mug-slate", 1),))
        place_order(wish, idempotency_key=f"k{number}")
    page.goto(shop)
    page.get_by_label("Quantity of Slate mug").fill("1")
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/orders/**")
    return Order.objects.get(email="ann@example.com")


def test_a_customer_sees_the_queue_and_then_the_order_on_its_way(
    page: Page, browser: Browser, queued: Order, worker: Callable[..., Program], beat: Callable[[], Program]
) -> None:
    expect(page.get_by_role("heading", name="Your order waits for its turn.")).to_be_visible()
    expect(page.locator(".truth")).to_contain_text(f"{AHEAD} others are ahead of it.")
    expect(page.get_by_text("waiting for its turn", exact=True)).to_be_visible()
    expect(page.locator("#announce")).to_contain_text("Your order waits for its turn.")
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(page.url)
    expect(plain.get_by_text(f"{AHEAD} others are ahead of it.")).to_be_visible()
    plain.context.close()
    worker("upkeep")
    worker("sagas", "events", "webhooks", "default", concurrency=8)
    beat()
    expect(page.get_by_role("heading", name="Your order is on its way.")).to_be_visible(timeout=SETTLES)
    expect(page.get_by_text("ahead of it")).to_have_count(0)
