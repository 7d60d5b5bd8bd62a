"""The charts in a real browser: by keyboard, on a phone, and in both themes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from sagas.maintenance.tally import tally
from tests.support.sagas import errand as module
from tests.support.sagas.ended import LOST, finished, undone

pytestmark = pytest.mark.django_db(transaction=True)
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def charts(page: Page, live_server, monkeypatch) -> Page:
    """The charts of the last day, with something in them."""
    world = module.World()
    monkeypatch.setattr(module, "world", world)
    User.objects.create_superuser("olga", password="olga")
    tally()
    finished("done")
    undone(world, "undone")
    world.faults["fetch"] = [LOST]
    finished("retried")
    tally()
    page.goto(f"{live_server.url}/admin/sagas/run/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Charts").click()
    page.get_by_role("link", name="24 hours").click()
    return page


def test_a_chart_is_one_tab_stop_and_the_arrow_keys_say_its_points(charts: Page) -> None:
    section = charts.get_by_role("region", name="Runs that ended", exact=True)
    charts.get_by_role("link", name="30 days").focus()
    charts.keyboard.press("Tab")
    expect(section.locator(".readout")).to_contain_text("completed 2, undone 1")
    charts.keyboard.press("ArrowLeft")
    expect(section.locator(".readout")).to_contain_text("completed 0, undone 0")
    charts.keyboard.press("End")
    expect(section.locator(".readout")).to_contain_text("completed 2, undone 1")
    charts.keyboard.press("Tab")
    expect(section.locator("summary")).to_be_focused()
    charts.keyboard.press("Enter")
    expect(section.get_by_role("row").nth(1)).to_contain_text("2")


def test_a_pointer_over_a_point_says_it_too(charts: Page) -> None:
    section = charts.get_by_role("region", name="Refusals by step", exact=True)
    section.locator(".column").last.hover()
    expect(section.locator(".readout")).to_contain_text("errand: pay 1")


def test_the_page_fits_a_phone(charts: Page) -> None:
    charts.set_viewport_size({"width": 390, "height": 844})
    assert charts.evaluate(FITS)
    charts.locator("summary").first.click()
    assert charts.evaluate(FITS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_stand_out_from_the_page_in_both_themes(charts: Page, theme) -> None:
    charts.evaluate(f"document.documentElement.dataset.theme = {theme!r}")
    colours = charts.evaluate(
        "['.line.s0', '.line.s1'].map(name => getComputedStyle(document.querySelector(name)).stroke)"
        ".concat(getComputedStyle(document.body).backgroundColor)"
    )
    *lines, ground = [luminance(colour) for colour in colours]
    assert all((max(line, ground) + 0.05) / (min(line, ground) + 0.05) >= 3 for line in lines)


def luminance(colour: str) -> float:
    """By WCAG 2, of `rgb(1, 2, 3)`."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
