"""Whoever has to wait for their turn is told how many are ahead, on the page and by the API, until it comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from orders import wording
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.presentation import turn
from sagas.models import Run
from sagas.presentation import queue as module
from sagas.presentation.queue import Place, queue
from tests.orders.doors import Door, returns, trips
from tests.support.sagas.queued import take

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]
AHEAD = "2 others are ahead of it."


@pytest.fixture(autouse=True)
def noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "NOTICED", timedelta(0))


@pytest.fixture
def orders(wish: PlaceOrder) -> list[Order]:
    """Three that nobody carries yet."""
    return [place_order(wish, idempotency_key=f"k{number}").order for number in range(3)]


def run_of(thing: Any) -> Run:
    return Run.objects.get(key=thing.saga_key)


def page(client: Client, order: Order) -> str:
    return str(client.get(f"/orders/{order.pk}/").content.decode())


def told(client: Client, path: str) -> Any:
    return client.get(path).json()["queue"]


def test_an_order_says_how_many_are_ahead_until_a_worker_takes_it(client: Client, orders: list[Order]) -> None:
    shown = page(client, orders[2])
    assert '<h1 id="headline">Your order waits for its turn.</h1>' in shown
    assert f"{AHEAD} Your card has not been charged." in shown
    assert "waiting for its turn" in shown
    take(run_of(orders[2]))
    shown = page(client, orders[2])
    assert "We are working on your order." in shown
    assert "ahead" not in shown
    assert "its turn" not in shown


def test_the_api_says_the_same(client: Client, orders: list[Order]) -> None:
    path = f"/api/orders/{orders[2].pk}"
    assert told(client, path) == {"ahead": 2, "seconds": None}
    take(run_of(orders[0]))
    assert told(client, path) == {"ahead": 1, "seconds": None}
    take(run_of(orders[2]))
    assert told(client, path) is None


def test_whoever_is_next_is_told_nothing(client: Client, orders: list[Order]) -> None:
    assert "We are working on your order." in page(client, orders[0])
    assert told(client, f"/api/orders/{orders[0].pk}") is None


def test_nobody_sees_a_wait_too_short_to_be_noticed(
    client: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "NOTICED", timedelta(hours=1))
    assert "We are working on your order." in page(client, orders[2])
    take(run_of(orders[0]))
    Run.objects.filter(pk=run_of(orders[0]).pk).update(status="completed", finished_at=run_of(orders[1]).created_at)
    queue.forget()
    assert told(client, f"/api/orders/{orders[2].pk}") == {"ahead": 1, "seconds": 10}  # long enough to be told at once


def test_an_order_that_events_carry_is_in_no_queue(client: Client, orders: list[Order], wish: PlaceOrder) -> None:
    order = place_order(replace(wish, coordination="choreography"), idempotency_key="k9").order
    assert told(client, f"/api/orders/{order.pk}") is None
    assert "We are working on your order." in page(client, order)


def seen_by(text: str) -> str:
    return text.partition("progress?seen=")[2].partition('"')[0]


def test_a_page_is_sent_again_as_the_queue_moves_and_else_costs_one_statement(
    client: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(module, "FRESH", 60.0)
    seen, path = seen_by(page(client, orders[2])), f"/orders/{orders[2].pk}/progress"
    with django_assert_num_queries(1):
        assert client.get(path, {"seen": seen}).status_code == 204
    take(run_of(orders[0]))
    answer = client.get(path, {"seen": seen})
    assert "1 other is ahead of it." in answer.content.decode()
    take(run_of(orders[2]))
    answer = client.get(path, {"seen": seen_by(answer.content.decode())})
    assert "We are working on your order." in answer.content.decode()


@pytest.fixture
def trip(client: Client, orders: list[Order]) -> Door:
    return trips()


def test_a_trip_says_it_too(client: Client, trip: Door, orders: list[Order]) -> None:
    made = trip.post(client).json()
    assert made["queue"] == {"ahead": 3, "seconds": None}
    path = f"/trips/{made['id']}/"
    shown = client.get(path).content.decode()
    assert "Your trip waits for its turn." in shown
    assert "3 others are ahead of it." in shown
    seen = seen_by(shown)
    assert client.get(f"{path}progress", {"seen": seen}).status_code == 204
    take(run_of(orders[0]))
    assert "2 others are ahead of it." in client.get(f"{path}progress", {"seen": seen}).content.decode()
    take(Run.objects.get(name="trip"))
    assert "its turn" not in client.get(f"{path}progress", {"seen": seen}).content.decode()
    assert told(client, f"/api/trips/{made['id']}") is None


def test_a_return_says_it_too(client: Client) -> None:
    trips().post(client)
    door = returns()  # its order's own run is not carried here: it is ahead, too
    queue.forget()
    made = door.post(client).json()
    assert made["queue"] == {"ahead": 2, "seconds": None}
    assert made["says"] == "It waits for its turn. 2 others are ahead of it."
    order = Order.objects.get()
    shown = page(client, order)
    assert made["says"] in shown
    seen = shown.partition("returns?seen=")[2].partition('"')[0]
    path = f"/orders/{order.pk}/returns"
    assert client.get(path, {"seen": seen}).status_code == 204
    take(Run.objects.get(name="trip"))
    assert "1 other is ahead of it." in client.get(path, {"seen": seen}).content.decode()
    take(run_of(order))
    shown = client.get(path, {"seen": seen}).content.decode()
    assert "We are telling the carrier and the warehouse." in shown
    assert "ahead" not in shown
    assert told(client, f"/api/returns/{made['id']}") is None


@pytest.mark.parametrize(("seconds", "pause"), [(None, "5s"), (3.0, "2s"), (20.0, "5s"), (300.0, "10s")])
def test_the_longer_the_queue_the_less_often_a_page_asks(seconds: float | None, pause: str) -> None:
    assert turn.pause(Place(12, seconds, timedelta(0))) == pause


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((1, None, False), "1 other is ahead of it."),
        ((12, 18.2, False), "12 others are ahead of it; its turn comes in about 20 seconds."),
        ((3, 0.4, False), "3 others are ahead of it; its turn comes in a few seconds."),
        ((2_000, 90.1, False), "2,000 others are ahead of it; its turn comes in about 2 minutes."),
        ((5_000, 600.0, True), "At least 5,000 others are ahead of it; its turn comes in about 10 minutes or later."),
    ],
)
def test_the_words(place: tuple[int, float | None, bool], words: str) -> None:
    ahead, seconds, more = place
    assert wording.turn(ahead, seconds, more=more) == words
