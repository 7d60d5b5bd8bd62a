"""The run list in a real browser: its rows move, and what the operator has begun stays."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orders.models import Product
from sagas.models import Run
from tests.support.stopped_orders import place, stop

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = "#result_list tbody tr"
HIDE = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s})"


@pytest.fixture
def runs(page: Page, live_server) -> str:
    """The address of the list of stuck runs, with an operator logged in and three of them. Time goes on as asked."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=100)
    User.objects.create_superuser("olga", password="olga")
    page.clock.install()
    for number in range(3):
        stop(place(number))
    address = f"{live_server.url}/admin/sagas/run/?state=stuck"
    page.goto(address)
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(ROWS)).to_have_count(3)
    return address


def row(page: Page, number: int):
    return page.locator(ROWS, has_text=f"ann{number}@example.com")


def later(page: Page) -> None:
    """Five seconds and one."""
    with page.expect_response(lambda answer: "live=1" in answer.url):
        page.clock.run_for(6_000)


def heal(number: int) -> None:
    Run.objects.filter(subject__contains=f"ann{number}@").update(status="running", desk_since=None)


def test_rows_come_change_and_go_and_what_was_begun_stays(page: Page, runs: str) -> None:
    page.get_by_label("Action").first.select_option(label="Retry now …")
    row(page, 1).get_by_role("checkbox").check()
    page.locator("#searchbar").fill("ann")
    link = row(page, 1).get_by_role("link")
    link.focus()
    stop(place(7))
    Run.objects.filter(subject__contains="ann1@").update(reason="They looked at it.")
    heal(0)
    later(page)
    expect(row(page, 7)).to_be_visible()
    expect(row(page, 0)).to_have_count(0)
    expect(row(page, 1)).to_contain_text("They looked at it.")
    expect(row(page, 1).get_by_role("checkbox")).to_be_checked()
    expect(link).to_be_focused()
    expect(page.locator("#searchbar")).to_have_value("ann")
    expect(page.get_by_label("Action").first).to_have_value("retry")
    expect(page.locator(".action-counter")).to_have_text("1 of 3 selected")


def test_a_new_row_is_ticked_with_the_others_and_acted_on(page: Page, runs: str) -> None:
    stop(place(7))
    later(page)
    page.locator("#action-toggle").check()
    expect(row(page, 7).get_by_role("checkbox")).to_be_checked()
    expect(page.locator(".action-counter")).to_have_text("4 of 4 selected")
    page.get_by_label("Action").first.select_option(label="Retry now …")
    page.get_by_role("button", name="Go").first.click()
    expect(page.get_by_role("heading", name="4 runs")).to_be_visible()


def test_a_ticked_row_that_leaves_the_list_stays_in_sight_until_it_is_unticked(page: Page, runs: str) -> None:
    row(page, 1).get_by_role("checkbox").check()
    heal(1)
    later(page)
    expect(row(page, 1)).to_contain_text("no longer in this list, still ticked")
    expect(page.locator(".action-counter")).to_have_text("1 of 3 selected")
    row(page, 1).get_by_role("checkbox").uncheck()
    later(page)
    expect(row(page, 1)).to_have_count(0)
    expect(page.locator(".action-counter")).to_have_text("0 of 2 selected")


def test_an_empty_list_fills(page: Page, runs: str) -> None:
    Run.objects.update(status="running", desk_since=None)
    page.goto(runs)
    expect(page.locator(ROWS)).to_have_count(0)
    stop(place(7))
    later(page)
    expect(row(page, 7)).to_be_visible()
    page.locator("#action-toggle").check()
    expect(page.locator(".action-counter")).to_have_text("1 of 1 selected")


def test_it_asks_once_in_five_seconds_and_never_while_nobody_looks(page: Page, runs: str) -> None:
    asked: list[str] = []
    page.evaluate(HIDE % "true")
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []
    begun = page.evaluate("Date.now()")
    page.evaluate(HIDE % "false")
    for _ in range(3):
        later(page)
    passed = page.evaluate("Date.now()") - begun  # the page's own time, which also goes on by itself
    assert 3 <= len(asked) <= passed / 5_000 + 1


def test_a_list_that_cannot_be_read_says_so(page: Page, runs: str) -> None:
    page.route("**live=1*", lambda route: route.abort())
    page.clock.run_for(6_000)
    expect(page.locator(".stale")).to_have_count(1)


def test_a_view_is_saved_opened_renamed_and_deleted(page: Page, runs: str) -> None:
    views = page.get_by_role("navigation", name="Saved views")
    views.get_by_text("Save this view").click()
    views.get_by_label("Name").fill("Stuck ones")
    views.get_by_role("button", name="Save").click()
    expect(views.get_by_role("link", name="Stuck ones")).to_have_attribute("aria-current", "page")
    page.goto(runs.replace("state=stuck", "state=all"))
    views.get_by_role("link", name="Stuck ones").click()
    expect(page).to_have_url(runs)
    views.get_by_text("Rename or delete it").click()
    views.get_by_label("Name").fill("On the desk")
    views.get_by_role("button", name="Rename").click()
    expect(views.get_by_role("link", name="On the desk")).to_be_visible()
    views.get_by_text("Rename or delete it").click()
    views.get_by_role("button", name="Delete").click()
    expect(views.get_by_role("link")).to_have_count(0)
    expect(page).to_have_url(runs)
