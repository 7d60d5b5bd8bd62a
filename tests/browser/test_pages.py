"""The pages in a real browser, while the test plays the part of the workers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from playwright.sync_api import Browser, Page, expect

from orders.lifecycle import status
from orders.models import Order, Product
from sagas.models import Run, Step

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(live_server, settings) -> str:
    """The address of the running site, with a mug and a lamp on sale."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=10)
    Product.objects.create(sku="lamp", name="Lamp", price="129.00", available=1)
    return str(live_server.url)


@pytest.fixture
def order_mug(page: Page, shop: str) -> Callable[[], Order]:
    """Order one mug on the site."""

    def act() -> Order:
        page.goto(shop)
        page.get_by_label("One Mug more").click()
        page.get_by_label("E-mail").fill("ann@example.com")
        page.get_by_role("button", name="Place order").click()
        page.wait_for_url("**/orders/**")
        return Order.objects.get()

    return act


def test_the_total_follows_the_basket(page: Page, shop: str) -> None:
    page.goto(shop)
    expect(page.locator("#total")).to_have_text("0.00 EUR")
    page.get_by_label("One Mug more").click()
    page.get_by_label("One Mug more").click()
    page.get_by_label("Quantity of Lamp").fill("1")
    expect(page.locator("#total")).to_have_text("166.00 EUR")
    expect(page.locator("#chosen")).to_contain_text("2 × Mug")
    page.get_by_label("One Lamp less").click()
    expect(page.locator("#total")).to_have_text("37.00 EUR")


def test_a_double_click_makes_one_order(page: Page, shop: str) -> None:
    page.goto(shop)
    page.get_by_label("One Mug more").click()
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Place order").dblclick()
    page.wait_for_url("**/orders/**")
    assert Order.objects.count() == 1


def test_a_mistake_is_shown_beside_what_was_typed_and_can_be_mended(page: Page, shop: str) -> None:
    page.goto(shop)
    page.get_by_label("Quantity of Mug").fill("100")
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_text("Give a whole number from 1 to 99.")).to_be_visible()
    page.get_by_label("Quantity of Mug").fill("1")
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/orders/**")
    assert Order.objects.count() == 1


def test_going_back_and_ordering_the_same_again_is_asked_about_and_then_done(
    page: Page, shop: str, order_mug: Callable[[], Order]
) -> None:
    first = order_mug()
    page.go_back()
    page.get_by_label("Quantity of Mug").fill("1")
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("alert")).to_contain_text("Did you mean to order it again?")
    expect(page.get_by_role("link", name=f"No, show me order {first.number}")).to_be_visible()
    assert Order.objects.count() == 1
    page.get_by_role("button", name="Yes, order it again").click()
    page.wait_for_url("**/orders/**")
    assert Order.objects.count() == 2


def test_a_price_that_changed_while_the_customer_looked_is_shown_beside_the_one_they_saw(page: Page, shop: str) -> None:
    page.goto(shop)
    page.get_by_label("One Mug more").click()
    page.get_by_label("E-mail").fill("ann@example.com")
    Product.objects.filter(sku="mug").update(price="19.50")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was ordered")
    expect(page.get_by_role("alert").get_by_role("listitem").first).to_have_text("Mug was 18.50 19.50 EUR")
    expect(page.locator("#total")).to_have_text("19.50 EUR")
    page.get_by_role("button", name="Place order at the new price").click()
    page.wait_for_url("**/orders/**")
    assert str(Order.objects.get().total) == "19.50"


def test_the_order_page_moves_without_a_reload_and_then_rests(page: Page, order_mug: Callable[[], Order]) -> None:
    order = order_mug()
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_text("Authorising your payment")).to_be_visible()
    Step.objects.filter(name="authorize_payment").update(status="done", attempts=1)
    expect(page.get_by_text("Payment authorised")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel this order")).to_be_visible()
    Step.objects.update(status="done", attempts=1)
    Run.objects.update(status="completed", position=7)
    with transaction.atomic():
        status.confirm_order(order.pk, "TRACK-1")
    expect(page.get_by_role("heading", name="Your order is on its way.")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Your card was charged 18.50 EUR, once.")
    expect(page.get_by_role("button", name="Cancel this order")).to_have_count(0)
    expect(page.locator("#progress[hx-get]")).to_have_count(0)
    assert page.evaluate("window.notReloaded")


def test_a_customer_cancels_on_the_page(page: Page, order_mug: Callable[[], Order]) -> None:
    order_mug()
    page.get_by_role("button", name="Cancel this order").click()
    expect(page.get_by_role("heading", name="Your order is cancelled.")).to_be_visible()
    expect(page.get_by_text("You cancelled it. Your card was not charged.")).to_be_visible()
    expect(page.get_by_text("before the bank was asked to charge your card.")).to_be_visible()


def test_a_cancel_button_goes_through_when_only_steps_moved_while_the_page_was_shown(
    page: Page, order_mug: Callable[[], Order]
) -> None:
    order_mug()
    Step.objects.filter(name="authorize_payment").update(status="done", attempts=1)
    Run.objects.update(position=1)
    page.get_by_role("button", name="Cancel this order").click()
    expect(page.get_by_role("heading", name="Your order is being cancelled.")).to_be_visible()


def test_the_shop_works_without_javascript(browser: Browser, shop: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shop)
    page.get_by_label("Quantity of Mug").fill("2")
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/orders/**")
    Step.objects.filter(name="authorize_payment").update(status="done", attempts=1)
    expect(page.get_by_text("Payment authorised")).to_be_visible(timeout=10_000)
    context.close()
