"""The switches of the fault panel, and what orders do: real workers, and participants in a process of their own."""

from __future__ import annotations

from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from orders.faults import client, watch
from orders.models import Order
from tests.support.workers import until

from .stack import Stack

pytestmark = pytest.mark.django_db(transaction=True)

PRESSED = {
    "slow": ("carrier", "*", "confirmed"),
    "refusing": ("warehouse", "reserve", "cancelled"),
    "failing": ("carrier", "book", "cancelled"),
    "losing": ("warehouse", "commit", "confirmed"),
    "closed": ("carrier", "*", "confirmed"),
}
"""By switch: company, call, and how an order ends that it is pressed for. Each is for an order of its own."""
UNTIL_WELL = ("losing", "closed")


@pytest.fixture(autouse=True)
def panel(stack: Stack, settings):
    settings.STANDINS_URL = stack.standins.url
    settings.STRIPE_API_BASE = f"{stack.standins.url}/payments"
    settings.WAREHOUSE_URL, settings.CARRIER_URL = (f"{stack.standins.url}/{name}" for name in ("warehouse", "carrier"))
    yield
    stack.standins.clear()


def test_each_switch_makes_its_order_react_and_once_all_is_well_every_order_settles(stack: Stack) -> None:
    first = int(stack.settled(stack.place()).number.removeprefix("S-")) + 1
    for number, (switch, (company, operation, _)) in enumerate(PRESSED.items(), first):
        assert f"There is no order S-{number} yet." in press(switch, company, operation, f"S-{number}")
    placed = {switch: stack.place() for switch in PRESSED}
    assert [order.number for order in placed.values()] == [f"S-{first + n}" for n in range(len(PRESSED))]
    for switch, order in placed.items():
        company, _, ends = PRESSED[switch]
        until(partial(hits, company, order), 30, what=f"{switch} hits")
        if switch not in UNTIL_WELL:
            assert stack.settled(order).status == ends, switch
    for switch in UNTIL_WELL:
        placed[switch].refresh_from_db()
        assert placed[switch].status == "processing", f"{switch}: it waits, and is not cancelled"
    call_command("faults", "clear", stdout=StringIO())
    for switch, order in placed.items():
        assert stack.settled(order, 60).status == PRESSED[switch][2], switch
        stack.check_books(order)


def test_while_a_company_is_down_for_all_orders_wait_and_none_is_lost(stack: Stack) -> None:
    assert "Orders wait, and ask again under the same key; none is lost." in press("down", "warehouse")
    orders = [stack.place() for _ in range(2)]
    for order in orders:
        until(partial(waits, order, "warehouse"), 30, what="it waits")
    call_command("faults", "clear", "warehouse", stdout=StringIO())
    for order in orders:
        assert stack.settled(order, 60).status == "confirmed"
        stack.check_books(order)


def press(switch: str, company: str, operation: str = "*", order: str = "") -> str:
    """Press it on the page; returns what that then says."""
    form = {"switch": switch, "company": company, "operation": operation, "order": order}
    return Client().post("/faults/switch", form, follow=True).content.decode()


def waits(order: Order, company: str) -> bool:
    """Whether the page says so."""
    line = next(one.line for one in watch.latest() if one.title == order.number)
    return line.startswith(f"Waits: {company} is away")


def hits(company: str, order: Order) -> int:
    return sum(fault.hits for fault in client.company(company).faults if fault.order == order.number)
