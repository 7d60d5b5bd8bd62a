"""The orders on the page: how far each is, and what it waits for."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orders.faults import watch
from orders.lifecycle import status
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from sagas.models import Breaker, Run, Step
from tests.support.sagas.errand import Errand, errand

from .conftest import Companies

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


def line() -> str:
    [one] = watch.latest()
    return one.line


def test_an_order_that_waits_for_a_company_says_so_and_when_it_asks_again(order: Order) -> None:
    Run.objects.update(waits_for="warehouse", position=1)
    soon = timezone.now() + timedelta(seconds=4.5)
    Breaker.objects.create(name="warehouse", state="open", opened_at=timezone.now(), open_until=soon)
    assert line() == "Waits: warehouse is away; asked again in 5\u00a0s."


def test_a_step_without_an_answer_says_when_it_is_tried_again(order: Order) -> None:
    due = timezone.now() + timedelta(seconds=2.5)
    Step.objects.filter(name="authorize_payment").update(status="waiting", attempts=1, next_attempt_at=due)
    assert line().endswith("trying again in 3 s.")


def test_a_stuck_order_links_the_desk(order: Order, client: Client, admin_client: Client) -> None:
    status.mark_needs_attention(order.pk, "Nobody knows whether the card was charged.")
    [one] = watch.latest()
    assert one.line == "Nobody knows whether the card was charged."
    assert admin_client.get(one.desk).status_code == 200
    assert f'href="{one.desk}">To the desk' in client.get("/faults/").content.decode()


def test_an_order_on_events_alone_links_its_trail(order: Order, admin_client: Client) -> None:
    Run.objects.all().delete()
    status.mark_needs_attention(order.pk, "why")
    [one] = watch.latest()
    assert one.desk == f"/admin/orders/order/{order.pk}/trail/"
    assert admin_client.get(one.desk).status_code == 200


def test_a_finished_order_says_what_became_of_the_money(order: Order) -> None:
    Step.objects.filter(name="capture_payment").update(status="done")
    status.confirm_order(order.pk, "SC-1")
    assert line() == "Your card was charged 166.00 EUR, once."


def test_runs_of_other_sagas_stand_among_the_orders(order: Order) -> None:
    errand.start(Errand("bread"), key="e1", subject="bread")
    other, first = watch.latest()
    assert (first.title, other.title.split()[0]) == (order.number, "errand")
    assert other.steps


def test_the_page_moves_only_with_what_it_shows(companies: Companies, client: Client, order: Order) -> None:
    page = client.get("/faults/").content.decode()
    address = re.search(r'hx-get="(/faults/live\?seen=\w+&amp;states=\w+)"', page)
    assert address
    live = address[1].replace("&amp;", "&")
    assert client.get(live).status_code == 204
    status.confirm_order(order.pk, "SC-1")
    moved = client.get(live).content.decode()
    assert "We have no record of a charge" in moved  # nothing was captured
    assert "hx-swap-oob" not in moved, "no company changed"
    companies.standins.fault("carrier", kind="down")
    assert 'id="state-carrier" hx-swap-oob="true"' in client.get(live).content.decode()
