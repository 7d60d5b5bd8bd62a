"""Trips booked in a real browser and carried by real workers, seen as the traveller sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from orders.trips.models import Trip
from tests.orders.trips.companies import Travel
from tests.support.standins import Standins
from tests.support.workers import Program

pytestmark = pytest.mark.django_db(transaction=True)
SETTLES = 60_000  # milliseconds; on two busy cores


@pytest.fixture
def site(live_server, standins: Standins, worker: Callable[..., Program], beat: Callable[[], Program]) -> str:
    """The address of the site with everything behind it running."""
    Travel(standins).set_flight("SA101", left=1)
    worker("upkeep")
    worker("sagas", "events", "webhooks", "default", concurrency=8)
    beat()
    return str(live_server.url)


def book(page: Page, site: str, hotel: str, total: str) -> Trip:
    """From the shop to the trips, choose, and send."""
    page.goto(site)
    page.get_by_role("link", name="Trips").click()
    page.get_by_label("SA 105").check()
    page.get_by_label(hotel).check()
    page.get_by_label("Nights").select_option("1")
    expect(page.locator("#total")).to_have_text(total)
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Book this trip").click()
    page.wait_for_url("**/trips/*-*/")
    return Trip.objects.get(pk=page.url.rstrip("/").rpartition("/")[2])


def test_a_trip_happens_whole_or_not_at_all(page: Page, site: str, standins: Standins) -> None:
    full = book(page, site, "Pensão Mirante", "188.00 EUR")
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_role("heading", name="Your trip is cancelled.")).to_be_visible(timeout=SETTLES)
    expect(page.locator(".truth")).to_contain_text("The hotel is full")
    expect(page.locator(".truth")).to_contain_text("Your card was not charged.")
    expect(page.get_by_text("Seat given back")).to_be_visible()
    assert page.evaluate("window.notReloaded")
    page.get_by_role("link", name="Back to the trips").click()
    booked = book(page, site, "Casa Azul", "213.00 EUR")
    expect(page.get_by_role("heading", name="Your trip is booked.")).to_be_visible(timeout=SETTLES)
    expect(page.get_by_text("Your card was charged 213.00 EUR, once.").first).to_be_visible()
    for trip in (full, booked):
        trip.refresh_from_db()
        assert Travel(standins).differences(trip) == []
