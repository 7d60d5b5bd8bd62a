"""No page of the desk has a fault in accessibility that axe-core calls serious, in either theme and on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.utils import timezone
from playwright.sync_api import Page

from orders.models import Product
from sagas import desk as acts
from sagas.desk.bulk_acts import start_bulk
from sagas.maintenance.tally import tally
from sagas.models import Alert, Run
from tests.support.stopped_orders import place, stop

pytestmark = pytest.mark.django_db(transaction=True)
SERIOUS = ("serious", "critical")
DJANGOS_OWN = {"label-title-only": "#searchbar"}
"""The label of a list's search box is an image without words; the box has a described name all the same."""
PHONE, LAPTOP = {"width": 390, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture
def pages(page: Page, live_server) -> list[str]:
    """The addresses of the desk's pages, with an operator logged in and something on each."""
    Product.objects.create(sku="mug", name="Mug", price="18.50", available=100)
    olga = User.objects.create_superuser("olga", password="olga")
    for number in range(3):
        stop(place(number))
    run = Run.objects.order_by("id")[0]
    acts.comment(run.pk, actor=olga, reason="They call back.")
    bulk = start_bulk("retry", acts.Filter(status="stuck"), actor=olga, reason="It is back.")
    alert = Alert.objects.create(
        rule="stuck", label="", title="Runs need a person", words="3 runs need a person.", do="Open the desk.",
        state="firing", since=Now(), began_at=timezone.now(), value=3,
    )  # fmt: skip
    tally()
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("olga")
    page.get_by_role("button", name="Log in").click()
    forms = [f"run/desk/{verb}/?run={run.pk}" for verb in ("retry", "skip", "resolve", "set_input", "assign", "snooze")]
    of_sagas = [
        "run/", "run/?state=stuck", f"run/{run.pk}/change/", *forms, "run/desk/retry/many/?state=stuck&saga=checkout",
        f"bulkact/{bulk.pk}/change/", "act/", "breaker/", "run/charts/", "alert/", f"alert/{alert.pk}/change/",
        "run/find/?q=ann",
    ]  # fmt: skip
    of_the_outbox = ["deadletter/", "outboxmessage/", "shard/"]
    return [
        f"{live_server.url}/admin/",
        *(f"{live_server.url}/admin/sagas/{path}" for path in of_sagas),
        *(f"{live_server.url}/admin/outbox/{path}" for path in of_the_outbox),
    ]


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", LAPTOP), ("dark", LAPTOP), ("light", PHONE)], ids=["light", "dark", "phone"]
)
def test_axe_finds_nothing_serious(page: Page, pages: list[str], scheme, size) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    found = []
    for address in pages:
        answer = page.goto(address)
        assert answer is not None
        assert answer.ok, address
        for fault in Axe().run(page).response["violations"]:
            if fault["impact"] in SERIOUS:
                nodes = [one for one in fault["nodes"] if one["target"] != [DJANGOS_OWN.get(fault["id"])]]
                found += [f"{address}: {fault['id']}: {node['html'][:120]}" for node in nodes[:3]]
    assert not found, "\n".join(found)
