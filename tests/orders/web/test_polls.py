"""Open pages give way to customers who order: beyond some at once they hear that nothing is new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import Client

from orders.web import polls
from tests.orders.doors import DOORS, Door, trips

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def door() -> Door:
    return DOORS[0]()


@pytest.fixture
def many_ask() -> Iterator[ExitStack]:
    """As many pages as may be are being answered."""
    with ExitStack() as asking:
        for _ in range(polls.AT_ONCE):
            asking.enter_context(polls._turns)
        yield asking


def moving(client: Client, door: Door) -> list[str]:
    """The addresses of what moves on the pages of an order and a trip; the page has seen something else."""
    order, trip = door.post(client).json()["id"], trips().post(client).json()["id"]
    return [
        f"{path}?seen=other"
        for path in (f"/orders/{order}/progress", f"/orders/{order}/returns", f"/trips/{trip}/progress")
    ]


def test_a_page_that_asks_while_many_do_hears_that_nothing_is_new(
    client: Client, door: Door, many_ask: ExitStack, django_assert_num_queries: Any
) -> None:
    paths = moving(client, door)
    with django_assert_num_queries(0):
        assert [client.get(path).status_code for path in paths] == [204, 204, 204]
    many_ask.close()
    assert [client.get(path).status_code for path in paths] == [200, 200, 200]


def test_an_order_is_accepted_and_its_page_shown_however_many_ask(
    client: Client, door: Door, many_ask: ExitStack
) -> None:
    made = door.post(client)
    assert made.status_code == 201
    assert client.get(f"/orders/{made.json()['id']}/").status_code == 200


def test_a_question_that_fails_gives_its_turn_back(client: Client, door: Door) -> None:
    for _ in range(polls.AT_ONCE + 1):
        assert client.get("/orders/00000000-0000-0000-0000-000000000000/progress").status_code == 404
