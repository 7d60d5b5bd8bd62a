"""The search box on the first page of the admin finds orders, trips and returns."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import Order
from orders.placing.place import place_order
from orders.returns.models import Return
from orders.trips.models import Trip
from sagas.front import search
from tests.bench.admin import fixture
from tests.bench.admin.pages import Known
from tests.support.buffers import reading

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 10_000
FEW = 2_000  # buffers, over all kinds: one table alone has more


def kinds(text: str, user) -> dict[str, list[str]]:
    return {kind.kind: [hit.title for hit in kind.hits] for kind in search.find(text, user)}


def test_an_order_and_its_run_are_found_by_number_and_by_email(wish, admin_user):
    order = place_order(wish, idempotency_key="k1").order
    run = f"checkout {order.number} ann@example.com"
    for text in (order.number, order.number.lower(), order.number[2:], "ann@example.com", f"{order.number} ann"):
        assert kinds(text, admin_user) == {"Orders": [f"{order.number} ann@example.com"], "Runs": [run]}, text
    assert kinds(str(order.pk), admin_user)["Orders"] == [f"{order.number} ann@example.com"]


def test_each_kind_is_found_from_an_index(admin_user):
    fixture.fill(ROWS, print)
    known = Known.of(ROWS)
    expected = {
        f"S-{known.digits}": {"Orders", "Returns", "Runs", "Dead letters"},
        f"T-{known.digits}": {"Trips"},
        f"R-{known.digits}": {"Returns"},
        known.email: {"Orders", "Trips", "Returns", "Runs", "Dead letters"},
        "nobody@nowhere.example": set(),
    }
    for text, wanted in expected.items():
        with reading() as seen:
            found = kinds(text, admin_user)
        assert (set(found), seen.buffers() < FEW) == (wanted, True), (text, set(found), seen.buffers())
    assert (Order.objects.count(), Trip.objects.count(), Return.objects.count()) == (ROWS, ROWS, ROWS)


def test_the_page_lists_what_was_found_by_kind(client: Client, wish, admin_user):
    client.force_login(admin_user)
    order = place_order(wish, idempotency_key="k1").order
    text = client.get(reverse("admin:sagas_find"), {"q": order.number}).content.decode()
    assert text.index("<h2>Orders</h2>") < text.index("<h2>Runs</h2>")
    assert reverse("admin:orders_order_change", args=[order.pk]) in text
