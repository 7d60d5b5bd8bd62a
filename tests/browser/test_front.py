"""The first page of the admin in a real browser: from an order's number to its stuck run, and an outage in one row."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orders.models import Order, Product
from sagas.models import Act
from tests.support.stopped_orders import place, stop

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 12
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def desk(page: Page, live_server) -> str:
    """The address of the admin, with an operator logged in and many orders that one outage has stopped."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=100)
    User.objects.create_superuser("olga", password="olga")
    for number in range(MANY):
        stop(place(number))
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    return f"{live_server.url}/admin"


def test_an_outage_is_one_row_and_all_its_runs_are_tried_again_from_there(page: Page, desk: str) -> None:
    rows = page.locator(".causes li")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"{MANY} checkout: Capture payment bank_away")
    expect(rows).to_contain_text("at stake: 222 EUR")
    rows.get_by_role("link", name="Retry now").click()
    expect(page.get_by_role("heading", name=f"{MANY} runs")).to_be_visible()
    page.get_by_label("Reason").fill("The bank is back.")
    page.get_by_role("button", name=f"Retry now: {MANY} runs").click()
    expect(page.get_by_label("Progress")).to_contain_text(f"about {MANY} to go")


def test_a_stuck_run_is_found_by_its_orders_number_and_mended(page: Page, desk: str) -> None:
    order = Order.objects.get(email="ann7@example.com")
    page.get_by_label("Find by number").fill(order.number)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=f"checkout {order.number}").click()
    page.get_by_role("link", name="Retry now").click()
    page.get_by_label("Reason").fill("The bank is back.")
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_text("done and recorded")).to_be_visible()
    assert Act.objects.get().run.key == order.saga_key


def test_the_page_follows_by_itself_and_keeps_the_focus(page: Page, desk: str) -> None:
    page.clock.install()
    page.goto(f"{desk}/")
    cause = page.locator(".causes li").get_by_role("link").first
    cause.focus()
    stop(place(MANY))
    stop(place(MANY + 1), code="no_such_payment")
    page.clock.run_for(11_000)
    expect(page.locator(".causes li")).to_have_count(2)
    expect(page.locator(".causes li", has_text=f"{MANY + 1} checkout")).to_be_visible()
    expect(cause).to_be_focused()


def test_the_page_fits_a_phone(page: Page, desk: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/", "/sagas/run/find/?q=ann"):
        page.goto(f"{desk}{path}")
        assert page.evaluate(FITS), path
