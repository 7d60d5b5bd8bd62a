"""A customer whose bank asks for 3-D Secure, from the checkout to the bank's page and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from tests.support.standins import Standins
from tests.support.workers import Program

from .test_live import SETTLES, differences, place

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = "Your bank asks you to confirm this payment."


@pytest.fixture
def shop(live_server, standins: Standins, worker: Callable[..., Program], beat: Callable[[], Program]) -> str:
    """The address of the shop, to which the bank sends its customers back."""
    call_command("load_local", verbosity=0)
    worker("upkeep", "sagas", "events", "webhooks", "default", concurrency=8, env={"SITE_URL": str(live_server.url)})
    beat()
    return str(live_server.url)


def test_customers_confirm_or_refuse_at_their_bank_and_come_back_to_the_truth(
    page: Page, shop: str, standins: Standins
) -> None:
    order = place(page, shop, "asks for 3-D Secure")
    expect(page.get_by_role("heading", name=ASKED)).to_be_visible(timeout=SETTLES)
    expect(page.get_by_text("waiting for you")).to_be_visible()
    page.get_by_role("link", name="Confirm with your bank").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your order is on its way.")).to_be_visible(timeout=SETTLES)
    assert page.url == f"{shop}/orders/{order.pk}/", "nothing of what the bank added stays in the address"
    assert differences(standins, order) == []

    order = place(page, shop, "asks for 3-D Secure", quantity=2, carried="by events alone")
    page.get_by_role("link", name="Confirm with your bank").click(timeout=SETTLES)
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("heading", name="Your order is cancelled.")).to_be_visible(timeout=SETTLES)
    expect(page.locator(".truth")).to_contain_text("You did not confirm the payment with your bank")
    expect(page.locator(".truth")).to_contain_text("Your card was not charged.")
    assert differences(standins, order) == []
