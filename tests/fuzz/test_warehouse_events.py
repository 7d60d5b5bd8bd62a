"""The warehouse's stream: whatever stands in it, each entry is settled or a dead letter, and what follows is heard."""

from __future__ import annotations

import itertools
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import event as seen
from hypothesis import given, note
from hypothesis import strategies as st
from redis import Redis

from orders.models import Order, Product
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from outbox.models import DeadLetter, Delivery, InboxEntry, PublishedMessage
from outbox.streams.consumer import Consumer
from sagas.models import Run
from tests.support.outbox.consuming import SHORT

from .garbage import bodies, mutated, texts, values
from .trying import SEED, tried

pytestmark = pytest.mark.django_db(transaction=True)
serial = itertools.count(1)
STREAM = "fuzz"
ROUNDS = 12
"""More than any subscriber's attempts."""


def cloud_event(type_: str, data: object, **more: object) -> dict[str, object]:
    """As the warehouse writes it."""
    least = {
        "specversion": "1.0",
        "id": "w-1",
        "source": "urn:warehouse",
        "type": f"warehouse.{type_}",
        "subject": "mug",
    }
    return {**least, "dataversion": 1, "time": datetime.now(UTC).isoformat(), "data": data, **more}


LINES = [{"sku": "mug", "quantity": 2}]
GOOD = (
    cloud_event("stock_changed", {"sku": "mug", "available": 7}),
    cloud_event("reservation_expired", {"key": "k", "order": "S-0", "lines": LINES}),
    cloud_event("reservation_released", {"key": "k", "order": "S-0", "lines": LINES}),
)
told = st.sampled_from(GOOD).flatmap(
    lambda one: mutated(one, values | st.sampled_from([2**40, 2**31, -1, "9999-12-31T00:00:00Z"]))
)
entries = st.fixed_dictionaries({"event": told.map(json.dumps).map(str.encode) | bodies}) | st.dictionaries(
    texts.map(lambda text: text.encode(errors="replace")), bodies, min_size=1, max_size=2
)
ids = st.sampled_from(["*", "*", "*", "1-1", "1700000000000000-1", f"{2**63}-0", f"5-{2**40}"])


@tried(25)
@given(written=st.lists(st.tuples(entries, ids), min_size=1, max_size=4))
def test_each_entry_is_settled_or_buried_and_what_follows_is_heard(
    order: Order, written: list[tuple[dict[Any, bytes], str]]
) -> None:
    note(f"FUZZ_SEED={SEED}")
    with Redis.from_url(settings.REDIS_URL) as redis:
        forget(redis)
        added = sum(add(redis, entry, id_) for entry, id_ in written)
        last = redis.xinfo_stream(STREAM)["last-generated-id"] if added else b"0-0"
        seen(f"{added} entries")
        consumer = Consumer(stream=STREAM, group="shop", name="one", only=["warehouse.*"], url=settings.REDIS_URL)
        consumer.join_group()
        follow = {
            "event": json.dumps(
                cloud_event("stock_changed", {"sku": "lamp", "available": 5}, id=f"good-{next(serial)}", subject="lamp")
            )
        }
        redis.xadd(STREAM, follow, id=after(last))
        for _ in range(ROUNDS):
            if not consumer.run_once(threading.Event(), SHORT):
                break
            Delivery.objects.update(due_at="2000-01-01T00:00Z")
        note(f"dead letters: {list(DeadLetter.objects.values_list('type', 'error_class', 'error'))}")
        assert redis.xpending(STREAM, "shop")["pending"] == 0
        assert not Delivery.objects.exists()
        heard = Product.objects.get(sku="lamp").available == 5
        in_time = parts(last.decode())[0] < 2**43  # after an entry whose id is no time Redis makes no other
        assert heard == in_time, "what followed was heard"
        assert heard or DeadLetter.objects.filter(payload__contains="lamp").exists(), "or is kept"
        assert Product.objects.get(sku="mug").available >= 0
        assert Run.objects.count() == Order.objects.count() == 1
        order.refresh_from_db()
        assert order.status == "processing"


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # nothing here is to outlive PostgreSQL
    return place_order(wish, idempotency_key="k1").order


def forget(redis: Any) -> None:
    """The stream, and what an earlier example left on the books."""
    redis.delete(STREAM)
    for model in (Delivery, DeadLetter, InboxEntry, PublishedMessage):
        model._default_manager.all().delete()
    Product.objects.update(available=1)


def add(redis: Any, entry: dict[Any, bytes], id_: str) -> bool:
    """Whether Redis took it: it keeps its ids in order."""
    last = redis.xinfo_stream(STREAM)["last-generated-id"] if redis.exists(STREAM) else b"0-0"
    wanted = after(last) if id_ == "*" else id_
    if parts(wanted) <= parts(last.decode()):
        return False
    redis.xadd(STREAM, entry, id=wanted)
    return True


def after(last: bytes) -> str:
    """Redis' own way: the time, unless that is behind the last."""
    now = f"{int(datetime.now(UTC).timestamp() * 1000)}-0"
    milliseconds, sequence = parts(last.decode())
    return now if parts(now) > (milliseconds, sequence) else f"{milliseconds}-{sequence + 1}"


def parts(id_: str) -> tuple[int, int]:
    milliseconds, sequence = id_.split("-")
    return int(milliseconds), int(sequence)
