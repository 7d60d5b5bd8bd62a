"""Orders placed in a real browser and carried by real workers to the stand-ins, seen as the customer sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from config.local.ledger_check import ledgers_of
from orders.models import Order
from orders.money import minor_units
from tests.support.standins import Standins
from tests.support.workers import Program, until

pytestmark = pytest.mark.django_db(transaction=True)
SETTLES = 60_000  # milliseconds; on two busy cores


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Where the workers' mail arrives."""
    return tmp_path / "mail"


@pytest.fixture
def shop(
    live_server, standins: Standins, worker: Callable[..., Program], beat: Callable[[], Program], letters: Path
) -> str:
    """The address of the shop with everything behind it running."""
    call_command("load_local", verbosity=0)
    env = {"EMAIL_FILE_PATH": str(letters)}
    worker("upkeep")
    worker("sagas", "events", "webhooks", "default", concurrency=8, env=env)
    beat()
    return str(live_server.url)


def place(
    page: Page, shop: str, card: str, product: str = "Slate mug", quantity: int = 1, carried: str = "by a saga"
) -> Order:
    """Fill in the checkout and send it."""
    page.goto(shop)
    page.get_by_label(f"Quantity of {product}").fill(str(quantity))
    page.get_by_label("E-mail").fill(f"ann.{card.replace(' ', '.')}@example.com")  # the same wish twice is asked about
    page.get_by_label(card).check()
    page.get_by_label("Carried").select_option(carried)
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/orders/**")
    return Order.objects.get(pk=page.url.rstrip("/").rpartition("/")[2])


@pytest.mark.parametrize("carried", ["by a saga", "by events alone"])
def test_a_customer_watches_a_paid_order_settle(
    page: Page, shop: str, standins: Standins, letters: Path, carried: str
) -> None:
    order = place(page, shop, "succeeds", quantity=2, carried=carried)
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_role("heading", name="Your order is on its way.")).to_be_visible(timeout=SETTLES)
    expect(page.get_by_text("Your card was charged 37.00 EUR, once.").first).to_be_visible()
    for words in ("Payment authorised", "Availability confirmed", "Payment taken", "Parcel sent", "Order confirmed"):
        expect(page.get_by_text(words)).to_be_visible()
    assert page.evaluate("window.notReloaded")
    assert differences(standins, order) == []
    subject = f"Your order {order.number} is on its way"
    until(lambda: any(subject in letter.read_text() for letter in letters.glob("*")), what="the confirmation is mailed")


def test_every_order_ends_with_the_truth_on_its_page(browser: Browser, shop: str, standins: Standins) -> None:
    wishes = [
        ("declined", "Slate mug", 1, "Your bank declined the card. Your card was not charged."),
        ("insufficient funds", "Slate mug", 1, "does not have enough funds. Your card was not charged."),
        ("succeeds", "Tall vase", 3, "no longer has everything you ordered. Your card was not charged."),
        ("answer gets lost", "Slate mug", 1, "Your card was charged 18.50 EUR, once."),
        ("capture keeps failing", "Slate mug", 1, "A person is looking at your order."),
    ]
    pages = [browser.new_context().new_page() for _ in wishes]
    orders = [place(page, shop, *wish[:3]) for page, wish in zip(pages, wishes, strict=True)]
    for page, wish in zip(pages, wishes, strict=True):
        expect(page.locator(".truth")).to_contain_text(wish[3], timeout=SETTLES)
    for order in orders[:4]:
        assert differences(standins, order) == []
    for page in pages:
        page.context.close()


def differences(standins: Standins, order: Order) -> list[str]:
    """Where the ledgers of bank, warehouse and carrier do not fit what the customer was told."""
    order.refresh_from_db()
    return ledgers_of(standins.url, order.number).differences(order.status, minor_units(order.total, order.currency))
