"""The drawing of a run's steps in a real browser: by keyboard, on a phone, and while the page is read again."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orders.models import Product
from sagas.models import Run
from tests.support.stopped_orders import place, stop

pytestmark = pytest.mark.django_db(transaction=True)
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def run_page(page: Page, live_server) -> Page:
    """The page of a run that is stuck."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=100)
    User.objects.create_superuser("olga", password="olga")
    stop(place(1))
    page.clock.install()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{live_server.url}/admin/sagas/run/{Run.objects.get().pk}/change/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    return page


def test_by_keyboard_a_box_is_reached_leads_to_its_words_and_keeps_the_focus(run_page: Page) -> None:
    box = run_page.get_by_role("link", name="Capture payment: in doubt, payments")
    expect(box).to_have_count(1)
    box.focus()
    run_page.keyboard.press("Tab")
    run_page.keyboard.press("Shift+Tab")
    expect(box).to_be_focused()
    Run.objects.update(reason="The bank is asked.")
    run_page.clock.run_for(11_000)
    expect(run_page.get_by_label("State")).to_contain_text("The bank is asked.")
    expect(box).to_be_focused()
    run_page.keyboard.press("Enter")
    expect(run_page.locator("li:target")).to_contain_text("Capture payment")


@pytest.mark.parametrize(("width", "shown"), [(1280, "across"), (390, "down")])
def test_it_lies_along_the_longer_side_of_the_window(run_page: Page, width: int, shown: str) -> None:
    run_page.set_viewport_size({"width": width, "height": 900})
    drawn = run_page.locator(".drawn svg:visible")
    expect(drawn).to_have_count(1)
    expect(run_page.locator(f".drawn .{shown} svg")).to_be_visible()
    assert run_page.evaluate(FITS)
