"""The fault panel in a real browser, with real workers and stand-ins behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from config.local.ledger_check import ledgers_of
from orders.models import Order
from orders.money import minor_units
from tests.support.standins import Standins
from tests.support.workers import Program

pytestmark = pytest.mark.django_db(transaction=True)
REACTS = 60_000  # milliseconds; on two busy cores


@pytest.fixture
def panel(live_server, standins: Standins, worker: Callable[..., Program], beat: Callable[[], Program]) -> str:
    """The panel's address, with everything behind it running."""
    call_command("load_local", verbosity=0)
    worker("upkeep", "sagas", "events", "webhooks", "default", concurrency=8)
    beat()
    return f"{live_server.url}/faults/"


def test_the_warehouse_goes_down_an_order_waits_and_completes_once_it_is_up_again(
    page: Page, panel: str, standins: Standins
) -> None:
    page.goto(panel)
    warehouse = page.locator("#warehouse")
    expect(warehouse.locator("#state-warehouse")).to_contain_text("Well")
    warehouse.get_by_role("button", name="Down").click()
    expect(page.get_by_role("alert")).to_contain_text("Orders wait, and ask again under the same key; none is lost.")
    expect(warehouse.locator("#state-warehouse")).to_contain_text("Drops every connection")
    page.get_by_role("button", name="Place 5 test orders").click()
    expect(page.locator("#live .processing")).to_have_count(5)
    page.evaluate("window.notReloaded = true")
    page.locator("#payments").get_by_placeholder("every order").fill("S-1")
    expect(page.locator("#live .processing").first).to_contain_text("Waits: warehouse", timeout=REACTS)
    expect(warehouse.locator("#state-warehouse")).to_contain_text("The shop holds its calls: ", timeout=REACTS)
    assert page.evaluate("window.notReloaded"), "all of it came by itself"
    expect(page.locator("#payments").get_by_placeholder("every order")).to_have_value("S-1")
    warehouse.get_by_role("button", name="End").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Orders that wait go on by themselves, within a minute.")
    expect(page.locator("#live .confirmed")).to_have_count(5, timeout=REACTS)
    for order in Order.objects.all():
        assert (
            ledgers_of(standins.url, order.number).differences(order.status, minor_units(order.total, order.currency))
            == []
        )


def test_without_javascript_the_switches_work_as_plain_forms(browser: Browser, live_server, standins: Standins) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
    page.goto(f"{live_server.url}/faults/?order=S-7")
    page.locator("#carrier").get_by_label("In which call").select_option("book")
    page.locator("#carrier").get_by_role("button", name="Closed").click()
    expect(page.get_by_role("alert")).to_contain_text("Carrier answers 503: book, order S-7, until")
    assert page.locator("html").evaluate("html => html.scrollWidth") <= 390
    page.get_by_role("button", name="All well again").click()
    expect(page.locator("#state-carrier")).to_contain_text("Well")
    page.context.close()
