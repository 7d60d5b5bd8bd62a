"""The outbox's pages in a real browser: they fit, and an operator gets from the line on top to what it is about."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from playwright.sync_api import Page, expect

from outbox import publish
from outbox.models import DeadLetter, Hold, OutboxMessage, Shard
from tests.support.hostapp.events import ItemCounted
from tests.support.outbox.failing import Refusing, held

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "order:0198f3c1-7d3e-7f00-8f00-000000000001"
WIDE = """e => [...document.querySelectorAll(".results, .outbox-desk, .outbox-stands")]
    .every(one => one.scrollWidth <= one.clientWidth)"""


@pytest.fixture
def desk(page: Page, live_server) -> str:
    """The address of the outbox's admin, with an operator logged in and a key that waits for a person."""
    User.objects.create_superuser("olga", password="olga")
    with transaction.atomic():
        for name in ("a", "b", "c"):
            publish(ItemCounted(name), key=KEY)
    held(Refusing(KEY), order="strict")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    return f"{live_server.url}/admin/outbox"


def test_from_the_line_on_top_an_operator_reaches_the_held_key_and_skips_its_first_message(page: Page, desk: str):
    page.goto(f"{desk}/outboxmessage/")
    page.get_by_role("link", name="1 held key").click()
    page.get_by_role("link", name=KEY).click()
    expect(page.get_by_label("State")).to_contain_text("Messages behind it: 2.")
    page.get_by_role("button", name="Skip the first message").click()
    page.get_by_label("Reason").fill("Sent by hand.")
    page.get_by_role("button", name="Skip the first message: 1").click()
    expect(page.get_by_text("Skip the first message: 1.")).to_be_visible()
    assert not Hold.objects.exists()
    assert DeadLetter.objects.get().error.startswith("Skipped by olga: Sent by hand.")


def test_a_destination_is_paused_and_resumed_on_the_overview(page: Page, desk: str):
    page.goto(f"{desk}/shard/")
    page.get_by_text("Pause or resume").click()
    page.get_by_label("Reason").fill("They move house.")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("tasks: 16 shards paused.")).to_be_visible()
    page.goto(f"{desk}/deadletter/")
    expect(page.get_by_label("Status of the destinations")).to_contain_text("They move house. (olga, ")
    page.goto(f"{desk}/shard/")
    page.get_by_label("Reason").fill("They moved.")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("tasks: 16 shards resumed.")).to_be_visible()
    assert not Shard.objects.filter(paused=True).exists()


def test_nothing_is_cut_off_at_the_width_of_a_small_laptop(page: Page, desk: str):
    dead, hold = DeadLetter.objects.get(), Hold.objects.get()
    DeadLetter.objects.update(error="no-answer-" * 60)
    OutboxMessage.objects.update(last_error="no-answer-" * 60)
    lists = ("shard/", "hold/", "deadletter/", "outboxmessage/", "publishedmessage/", "delivery/", "inboxentry/")
    for path in (*lists, f"hold/{hold.pk}/change/", f"deadletter/{dead.pk}/change/"):
        page.goto(f"{desk}/{path}")
        assert page.evaluate(WIDE, None), path
