"""The operators' desk in a real browser: what they must see fits, and leads where it says."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from orders.models import Product
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from sagas.models import Breaker, Run
from sagas.participants import breaker, calls
from sagas.participants.waiting import hold

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = "e => [...document.querySelectorAll('.results, .desk')].every(one => one.scrollWidth <= one.clientWidth)"


@pytest.fixture
def desk(page: Page, live_server, settings) -> str:
    """The address of the admin, with an operator logged in and three orders that wait for the warehouse."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=10)
    User.objects.create_superuser("olga", password="olga")
    for number in range(3):
        wish = PlaceOrder("ann.with.a.long.name@example.com", "pm_card_visa", (OrderedLine("mug", 1),))
        place_order(wish, idempotency_key=f"k{number}")
    Run.objects.update(position=1)
    for _ in range(3):
        calls.settled(breaker.admit("warehouse", 30), answered=False, reason="warehouse: connection refused")
    for run in Run.objects.all():
        assert hold(run.pk, 1, False, "warehouse")
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    return f"{live_server.url}/admin"


def test_from_the_line_on_top_an_operator_reaches_the_participant_and_holds_its_calls(page: Page, desk: str) -> None:
    page.goto(f"{desk}/sagas/run/")
    page.get_by_role("link", name="Waiting for warehouse since").click()
    expect(page.get_by_role("heading", name="warehouse")).to_be_visible()
    page.get_by_label("Reason").fill("They move house.")
    page.get_by_role("button", name="Hold all calls").click()
    expect(page.get_by_text("All calls are held until a person lets them go.")).to_be_visible()
    expect(page.get_by_role("button", name="Hold all calls")).to_have_count(0)
    expect(page.get_by_role("cell", name="They move house.")).to_be_visible()
    page.get_by_label("Reason").fill("They moved.")
    page.get_by_role("button", name="Let calls go now").click()
    expect(page.get_by_text("Calls go through.")).to_be_visible()
    assert Breaker.objects.get(name="warehouse").state == Breaker.State.CLOSED


def test_the_runs_that_wait_are_shown_by_one_click_and_each_page_says_what_it_waits_for(page: Page, desk: str) -> None:
    page.goto(f"{desk}/sagas/run/?state=stuck")
    page.get_by_role("link", name="show them").click()
    expect(page.locator("#result_list .badge", has_text="waiting")).to_have_count(3)
    page.locator("#result_list a").first.click()
    expect(page.get_by_label("State")).to_contain_text("Waits for warehouse, away since")
    expect(page.get_by_role("link", name="Retry now")).to_be_visible()


def test_nothing_is_cut_off_at_the_width_of_a_small_laptop(page: Page, desk: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    run = Run.objects.order_by("id")[0]
    Run.objects.filter(pk=run.pk).update(paused_at=timezone.now(), reason="no answer " * 30)
    for path in ("run/", f"run/{run.pk}/change/", "breaker/", "breaker/warehouse/change/"):
        page.goto(f"{desk}/sagas/{path}")
        assert page.evaluate(WIDE, None), path
    run.refresh_from_db()
    for verb in ("resume", "set_input"):
        page.goto(f"{desk}/sagas/run/desk/{verb}/?run={run.pk}")
        page.get_by_label("Reason").fill("Because " * 20)
        if verb == "resume":
            page.get_by_role("button", name="Resume").click()
            expect(page.get_by_text("done and recorded")).to_be_visible()
    page.goto(f"{desk}/sagas/act/")
    expect(page.get_by_role("cell", name="Paused: yes → no")).to_be_visible()
    assert page.evaluate(WIDE, None)
