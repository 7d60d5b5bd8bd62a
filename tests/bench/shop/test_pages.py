"""A browser of the bench asks as an order's page does; nothing here measures."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders.models import Order, Product
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from tests.bench.errors import BenchError
from tests.bench.shop.pages import Browser, Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production_static")]


class Http:
    """Django's own client, for what the browser asks of `requests`."""

    def __init__(self, client):
        self.client = client

    def get(self, url, headers, timeout):
        answer = self.client.get(url, headers=headers)
        answer.text = answer.content.decode()
        return answer


@pytest.fixture
def order():
    Product.objects.create(sku="mug", name="Mug", price=Decimal("18.50"), available=10)
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug", 1),))
    return place_order(wish, idempotency_key="a").order


@pytest.fixture
def browser(client, order, monkeypatch):
    monkeypatch.setattr("tests.bench.shop.pages.requests.Session", lambda: Http(client))
    return Browser("", [str(order.pk)])


def test_an_open_page_says_what_it_asks_and_how_often(browser, order):
    page = browser.pages[0]
    assert page.url.startswith(f"/orders/{order.pk}/progress?seen=")
    assert page.pause == 0.7


def test_a_page_that_has_seen_all_is_told_so(browser):
    browser.ask(3)
    assert browser.still == 3


def test_a_page_takes_what_has_changed_and_asks_by_that_next(browser, order):
    before = browser.pages[0].url
    Order.objects.filter(pk=order.pk).update(version=order.version + 1)
    browser.ask(1)
    assert browser.still == 0
    assert browser.pages[0].url != before
    browser.ask(1)
    assert browser.still == 1


def test_a_page_that_asks_no_more_is_an_error(browser, order):
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CONFIRMED, version=order.version + 1)
    with pytest.raises(BenchError, match="asks no more"):
        browser.ask(1)


def test_seconds_are_read_as_milliseconds_are():
    page = Page("", 0.0)
    page.take('<div hx-get="/a?b=1&amp;c=2" hx-trigger="every 2s" hx-swap="outerHTML">')
    assert (page.url, page.pause) == ("/a?b=1&c=2", 2.0)
