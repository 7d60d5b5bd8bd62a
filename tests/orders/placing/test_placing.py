"""Placing an order: one transaction, one order a key."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, connections, transaction

from orders.errors import InvalidOrder, KeyReused
from orders.models import Order, OrderLine, Product
from orders.placing import place
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.sagas import checkout
from outbox.models import OutboxMessage
from sagas.models import Run, Step

pytestmark = pytest.mark.django_db


def test_an_order_its_lines_its_saga_and_its_messages_come_from_one_call(wish: PlaceOrder) -> None:
    placed = place_order(wish, idempotency_key="k1")
    order = Order.objects.get()
    assert placed.created
    assert placed.order == order
    assert (order.status, order.total, order.currency) == ("processing", Decimal("166.00"), "EUR")
    assert list(order.lines.values_list("sku", "name", "unit_price", "quantity")) == [
        ("mug", "Mug", Decimal("18.50"), 2),
        ("lamp", "Lamp", Decimal("129.00"), 1),
    ]
    run = Run.objects.get()
    assert (run.key, run.subject) == (f"order:{order.pk}", f"{order.number} ann@example.com")
    assert run.input["amount"] == 16600
    assert Step.objects.filter(run=run).count() == 7
    assert set(OutboxMessage.objects.values_list("type", flat=True)) == {"orders.order_placed", "sagas.run_ready"}


def test_numbers_count_up(wish: PlaceOrder) -> None:
    first, second = (place_order(wish, idempotency_key=key).order.number for key in ("a", "b"))
    assert first.startswith("S-1")
    assert int(second[2:]) == int(first[2:]) + 1


def test_the_same_key_and_request_give_the_same_order(wish: PlaceOrder) -> None:
    first = place_order(wish, idempotency_key="k1")
    again = place_order(replace(wish, lines=wish.lines[::-1]), idempotency_key="k1")
    assert (again.order, again.created) == (first.order, False)
    assert Run.objects.count() == 1


def test_the_same_key_with_another_request_is_refused(wish: PlaceOrder) -> None:
    place_order(wish, idempotency_key="k1")
    with pytest.raises(KeyReused):
        place_order(replace(wish, email="bob@example.com"), idempotency_key="k1")
    assert Order.objects.count() == 1


def test_a_price_change_does_not_make_a_repeated_request_another_one(wish: PlaceOrder) -> None:
    first = place_order(wish, idempotency_key="k1")
    Product.objects.update(price=1)
    assert place_order(wish, idempotency_key="k1").order.total == first.order.total


def test_an_unknown_product_leaves_nothing_behind(wish: PlaceOrder) -> None:
    with pytest.raises(InvalidOrder) as refused:
        place_order(replace(wish, lines=(OrderedLine("mug", 1), OrderedLine("yacht", 1))), idempotency_key="k1")
    assert list(refused.value.errors) == ["lines[1].sku"]
    assert not Order.objects.exists()


def test_products_of_two_currencies_do_not_fit_in_one_order(wish: PlaceOrder) -> None:
    Product.objects.filter(sku="lamp").update(currency="USD")
    with pytest.raises(InvalidOrder) as refused:
        place_order(wish, idempotency_key="k1")
    assert list(refused.value.errors) == ["lines"]


def test_when_the_saga_cannot_start_there_is_no_order(wish: PlaceOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "start", broken)
    with pytest.raises(RuntimeError):
        place_order(wish, idempotency_key="k1")
    assert not Order.objects.exists()
    assert not OrderLine.objects.exists()
    assert not OutboxMessage.objects.exists()


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("no saga today")


@pytest.mark.django_db(transaction=True)
def test_a_placed_order_needs_no_broker(wish: PlaceOrder, settings) -> None:
    settings.CELERY_BROKER_URL = settings.REDIS_URL = settings.OUTBOX_REDIS_URL = "redis://127.0.0.1:1/0"
    assert place_order(wish, idempotency_key="k1").created


@pytest.mark.django_db(transaction=True)
def test_requests_with_one_key_at_the_same_time_make_one_order(wish: PlaceOrder) -> None:
    together = threading.Barrier(8)
    answers: list[place.Placed] = []
    errors: list[BaseException] = []

    def post() -> None:
        try:
            together.wait(10)
            answers.append(place_order(wish, idempotency_key="double-click"))
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors
    assert len(answers) == 8
    assert len({answer.order.pk for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert (Order.objects.count(), Run.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_request_that_meets_the_same_key_uncommitted_waits_and_gets_that_order(
    wish: PlaceOrder,
) -> None:
    answers: list[place.Placed] = []

    def post() -> None:
        answers.append(place_order(wish, idempotency_key="k1"))
        connections.close_all()

    second = threading.Thread(target=post)
    with transaction.atomic():
        first = place_order(wish, idempotency_key="k1")
        second.start()
        wait_until_somebody_waits_for_a_lock()
    second.join(30)
    assert answers == [place.Placed(first.order, created=False)]


def wait_until_somebody_waits_for_a_lock() -> None:
    pause = threading.Event()
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        pause.wait(0.02)
    raise AssertionError("Nobody waits for a lock: the second request did not meet the first.")


def test_the_database_itself_refuses_a_second_order_with_the_key() -> None:
    make = {"email": "a@example.com", "payment_method": "x", "total": 1, "currency": "EUR", "idempotency_key": "k"}
    Order.objects.create(**make)
    with pytest.raises(IntegrityError):
        Order.objects.create(**make)
