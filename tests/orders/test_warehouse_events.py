"""What the warehouse tells the shop, and what the shop does about it; each of it once, however often it is told."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from redis import Redis

from orders import wording
from orders.cancelling.expired_reservation import EXPIRED, WHY
from orders.models import Journey, Order, Product
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.sagas import authorize_payment, checkout
from outbox.models import DeadLetter, InboxEntry, OutboxMessage
from outbox.streams.consumer import Consumer
from sagas.engine import executor
from sagas.engine.work import Worker
from sagas.models import Act, Run, Step

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = "warehouse.test"


@pytest.fixture
def stream() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as client:
        client.delete(STREAM)
        yield client


@pytest.fixture
def consumer(stream: Redis) -> Consumer:
    made = Consumer(stream=STREAM, group="shop", name="one", url=settings.REDIS_URL)
    made.join_group()
    return made


@pytest.fixture(params=["saga", "choreography"])
def order(wish: PlaceOrder, request: pytest.FixtureRequest) -> Order:
    return place_order(replace(wish, coordination=request.param), idempotency_key="k1").order


def tell(stream: Redis, kind: str, subject: str, id_: str = "", **data: object) -> str:
    """The warehouse's relay adds an entry; returns the message's id."""
    id_ = id_ or str(uuid.uuid4())
    event = {"specversion": "1.0", "id": id_, "source": "https://warehouse.example", "type": f"warehouse.{kind}"}
    at = datetime.now(UTC).isoformat()
    stream.xadd(
        STREAM, {"event": json.dumps({**event, "subject": subject, "time": at, "dataversion": 1, "data": data})}
    )
    return id_


def left(stream: Redis, available: int, id_: str = "") -> str:
    return tell(stream, "stock_changed", "sku:mug", id_, sku="mug", available=available)


def expired(stream: Redis, number: str, id_: str = "") -> str:
    lines = [{"sku": "mug", "quantity": 2}]
    return tell(stream, "reservation_expired", f"order:{number}", id_, key="k", order=number, lines=lines)


def hear(consumer: Consumer) -> int:
    return consumer.run_once(threading.Event(), timedelta(milliseconds=1))


def advance(order: Order, done: int) -> None:
    """As the order stands when so many steps are done."""
    Step.objects.filter(run__key=order.saga_key, position__lt=done).update(status="done", attempts=1)
    Run.objects.filter(key=order.saga_key).update(position=done)
    for journey in Journey.objects.filter(pk=order.pk):
        journey.steps.filter(position__lt=done).update(status="done", attempts=1)
        if done > 3:
            Journey.objects.update(state=Journey.State.ONWARD)


@pytest.mark.usefixtures("products")
def test_what_is_left_is_shown_at_once_and_a_doubled_entry_changes_nothing(stream: Redis, consumer: Consumer) -> None:
    first = left(stream, 7)
    left(stream, 3)
    left(stream, 7, first)
    assert hear(consumer) == 3
    assert Product.objects.get(sku="mug").available == 3
    assert InboxEntry.objects.count() == 2


def test_a_product_that_we_do_not_sell_is_passed_over(stream: Redis, consumer: Consumer) -> None:
    left(stream, 7)
    hear(consumer)
    assert not DeadLetter.objects.exists()
    assert InboxEntry.objects.count() == 1


@pytest.mark.parametrize("done", [0, 2, 3])
def test_an_order_that_is_not_charged_is_undone_when_its_goods_are_given_away_once(
    order: Order, stream: Redis, consumer: Consumer, done: int
) -> None:
    advance(order, done)
    told = expired(stream, order.number)
    expired(stream, order.number, told)
    expired(stream, order.number)
    hear(consumer)
    order.refresh_from_db()
    assert order.status in ("cancelling", "cancelled")
    assert order.status_reason == EXPIRED
    assert wording.customer_reason(order) == "The warehouse could not keep your goods aside any longer."
    assert Act.objects.count() == (order.coordination == "saga")
    wanted = "orders.choreography.cancel_requested"
    assert OutboxMessage.objects.filter(type=wanted).count() == (order.coordination == "choreography")


def test_a_run_whose_step_is_in_a_workers_hands_is_undone_for_that_reason_too(
    wish: PlaceOrder, stream: Redis, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place_order(wish, idempotency_key="k1").order

    def meanwhile(_ctx: object) -> None:
        expired(stream, order.number)
        hear(consumer)
        raise TimeoutError

    monkeypatch.setattr(authorize_payment, "run", meanwhile)
    run = Run.objects.get()
    for _ in range(2):
        executor.run_step(executor.TaskRef(run.pk, checkout.name, checkout.version, authorize_payment.name, Worker()))
        Step.objects.update(next_attempt_at=None)
    run.refresh_from_db()
    order.refresh_from_db()
    assert (run.status, run.code, order.status_reason) == ("undoing", EXPIRED, EXPIRED)


def test_a_charged_order_goes_on_when_its_goods_are_given_away(order: Order, stream: Redis, consumer: Consumer) -> None:
    advance(order, 4)
    expired(stream, order.number)
    hear(consumer)
    order.refresh_from_db()
    assert (order.status, order.version) == ("processing", 1)
    assert not DeadLetter.objects.exists()


def test_an_order_on_a_persons_desk_says_that_its_goods_are_given_away_once(
    order: Order, stream: Redis, consumer: Consumer
) -> None:
    advance(order, 4)
    Run.objects.update(status="stuck")
    Order.objects.update(status="needs_attention", status_reason="The capture is in doubt.")
    expired(stream, order.number)
    expired(stream, order.number)
    hear(consumer)
    order.refresh_from_db()
    assert (order.status, order.status_reason) == ("needs_attention", f"The capture is in doubt. {WHY}")


def test_an_order_that_ended_or_is_not_ours_is_left_alone(order: Order, stream: Redis, consumer: Consumer) -> None:
    Order.objects.update(status="confirmed")
    Run.objects.all().delete()
    expired(stream, order.number)
    expired(stream, "S-1")
    hear(consumer)
    assert not DeadLetter.objects.exists()
    assert InboxEntry.objects.filter(subscriber="orders.goods_given_away").count() == 2
