"""A failed refund on the desk, settled as money by two people in a real browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import transaction
from playwright.sync_api import Page, expect

from orders.participants import refunding
from orders.returns import refunds, status
from orders.returns.models import Return
from orders.returns.services import refund_failed
from outbox import testing
from sagas.models import Run
from tests.orders import doors
from tests.support.sagas.driver import carry

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def run(client, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]) -> Run:
    """A refund of 18.50 EUR that the customer was told of, and that has failed since: stuck, and in a second letter."""
    doors.returns().post(client)
    returned = Return.objects.get()
    with transaction.atomic():
        status.mark_refunding(returned.pk)
        status.note_refund(returned.pk, "re_1")
        status.mark_done(returned.pk)
    testing.drain()
    monkeypatch.setattr(refunding, "failure", lambda *_given, **_options: "lost_or_stolen_card")
    assert refund_failed("re_1", "the bank says lost or stolen card")
    run = carry(Run.objects.get(name="failed_refund").pk)
    testing.drain()
    assert run.status == "stuck"
    assert mailoutbox[-1].subject == f"The refund of your return {returned.number} did not arrive"
    monkeypatch.setattr(refunds, "pay", None)  # nobody is asked any more
    return run


def log_in(page: Page, address: str, name: str) -> None:
    User.objects.create_superuser(name, password=name)
    page.context.clear_cookies()
    page.goto(f"{address}/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(name)
    page.get_by_role("button", name="Log in").click()


def test_a_failed_refund_is_settled_as_money_and_confirmed_by_a_second_person(
    page: Page, live_server, settings, run: Run, mailoutbox: list[EmailMessage]
) -> None:
    settings.SAGAS_SECOND_PERSON = ("skip",)
    where = f"{live_server.url}/admin/sagas/run/{run.pk}/change/"
    page.set_viewport_size({"width": 390, "height": 800})
    log_in(page, live_server.url, "olga")
    page.goto(where)
    page.get_by_role("link", name="Skip with a result").click()
    amount = page.get_by_label("Amount")
    expect(amount).to_have_value("18.50")
    expect(page.get_by_text("In EUR. Expected: 18.50 EUR")).to_be_visible()
    assert page.evaluate(WIDE), "nothing is cut off on a telephone"

    amount.fill("1850")  # euros taken for cents
    page.get_by_label("Reason").fill("Paid to the account that she named.")
    page.get_by_role("button", name="Propose: Skip with a result").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "you gave 1850.00 EUR (185000 in minor units), which is 1831.50 EUR"
    )
    expect(amount).to_have_value("1850")
    expect(page.get_by_label("Reason")).to_have_value("Paid to the account that she named.")

    page.get_by_text("Advanced: as JSON").click()
    page.get_by_label("Result as JSON").fill('{"refund_id": "", "amount": 18}')
    page.get_by_role("button", name="Propose: Skip with a result").click()
    expect(page.get_by_role("alert")).to_contain_text("you gave 0.18 EUR (18 in minor units), which is 18.32 EUR less")
    expect(page.get_by_label("Result as JSON")).to_have_value('{"refund_id": "", "amount": 18}')

    page.get_by_label("Result as JSON").fill("")
    amount.fill("18.5")
    page.get_by_role("button", name="Propose: Skip with a result").click()
    expect(page.get_by_text("proposed and recorded. Somebody else must confirm it.")).to_be_visible()

    log_in(page, live_server.url, "otto")
    page.goto(where)
    page.get_by_role("link", name="Confirm").click()
    expect(page.get_by_role("row", name="Amount")).to_contain_text("18.50 EUR (1850 in minor units)")
    page.get_by_label("Reason").fill("I saw the bank's receipt.")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Confirmed: done and recorded.")).to_be_visible()
    assert Return.objects.get().status == "done"
    testing.drain()
    assert "18.50 EUR that we owed you, another\nway than to your card." in mailoutbox[-1].body
