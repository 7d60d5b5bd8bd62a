"""What the warehouse tells: written with the change, relayed by its own relay, handled once by the shop."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from redis import Redis

from config.standins.companies import database_variable
from orders.models import Product
from outbox.declare.schema_file import check_schemas
from outbox.testing import CrashPoint, crashing_relay
from tests.support.standins import PROGRAM, Standins
from tests.support.workers import ROOT, Programs, until

from .caller import Caller
from .own_warehouse import empty_warehouse, run

CONTRACT = ROOT / "orders" / "participants" / "warehouse_events.json"
STREAM = "warehouse.events"
PREPARE = """
import django
django.setup()
from django.db import transaction
from config.standins.__main__ import migrate
from config.standins.warehouse import reservations, shelves
migrate()
with transaction.atomic():
    shelves.count("mug", 100)
for number in range(8):
    with transaction.atomic():
        reservations.reserve(f"k{number}", f"S-{number}", [{"sku": "mug", "quantity": 1}])
    with transaction.atomic():
        reservations.release(f"k{number}")
"""


def test_the_warehouse_and_the_shop_mean_the_same_by_its_events(warehouse: dict[str, str]) -> None:
    check_schemas(CONTRACT, "warehouse.*")
    run(["-m", "django", "events", "warehouse.*", "--check", str(CONTRACT)], warehouse)


def test_what_is_told_of_a_reservation_reaches_the_stream(standins: Standins, stream: Redis) -> None:
    shop = Caller(standins)
    shop.reserve(2)
    shop.expire()
    until(lambda: len(told_of(stream, shop.sku)) == 3, 20, what="the upkeep relays")
    assert [event["data"]["available"] for event in told_of(stream, shop.sku)] == [5, 3, 5]
    (expired,) = [event for event in entries(stream) if event["subject"] == f"order:{shop.order}"]
    assert (expired["type"], expired["data"]["key"]) == ("warehouse.reservation_expired", shop.key)


def test_what_is_refused_tells_nothing(standins: Standins, stream: Redis) -> None:
    shop = Caller(standins)
    assert shop.reserve(9).status_code == 409
    shop.reserve(1)
    until(lambda: len(told_of(stream, shop.sku)) == 2, 20, what="the upkeep relays")
    assert [event["data"]["available"] for event in told_of(stream, shop.sku)] == [5, 4]


@pytest.mark.django_db(transaction=True)
def test_the_shop_shows_what_is_left_as_soon_as_the_warehouse_says_it(standins: Standins, programs: Programs) -> None:
    """No beat runs here, so that nobody asks."""
    shop = Caller(standins)
    Product.objects.create(sku=shop.sku, name="Cup", price=5, available=99)
    consume = ["manage.py", "consume", "--stream", STREAM, "--group", "shop", "--consumer", "one"]
    programs.start("consumer", consume)
    until(lambda: Product.objects.get().available == 5, 30, what="the count arrives")
    shop.reserve(2)
    until(lambda: Product.objects.get().available == 3, 20, what="the reservation arrives")


def test_a_relay_killed_at_any_point_loses_nothing_that_the_warehouse_has_to_tell(
    warehouse: dict[str, str], stream: Redis, programs: Programs
) -> None:
    run(["-c", PREPARE], warehouse)
    written = unpublished(warehouse)
    assert len(written) == 25
    for point in (CrashPoint.IN_PUBLISH, CrashPoint.AFTER_PUBLISH):
        killed = programs.start("doomed", crashing_relay(point), warehouse)
        assert killed.process.wait(30) == -signal.SIGKILL
        assert unpublished(warehouse), "nothing is marked"
    programs.start("upkeep", (*PROGRAM[1:], "upkeep"), warehouse)
    until(lambda: not unpublished(warehouse), 30, what="another relay takes over")
    events = entries(stream, warehouse["WAREHOUSE_STREAM"])
    assert {event["id"] for event in events} == set(written)
    assert len(events) > len(written), "what was sent before the kill was sent again"
    assert events[-1]["data"].get("available", 100) == 100


@pytest.fixture
def stream() -> Iterator[Redis]:
    """The Redis that the warehouse tells its events by, with none of another test."""
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client


@pytest.fixture
def warehouse() -> dict[str, str]:
    """A warehouse of this test's own, with nothing in it."""
    return empty_warehouse("test_warehouse_outbox")


def unpublished(warehouse: dict[str, str]) -> list[str]:
    """The ids of what waits in the warehouse's outbox."""
    connection = psycopg2.connect(warehouse[database_variable("warehouse")])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT message_id::text FROM outbox_message ORDER BY id")
        found = [row[0] for row in cursor.fetchall()]
    connection.close()
    return found


def entries(stream: Redis, name: str = STREAM) -> list[dict[str, Any]]:
    found: Any = stream.xrange(name)
    return [json.loads(fields[b"event"]) for _, fields in found]


def told_of(stream: Redis, sku: str) -> list[dict[str, Any]]:
    return [event for event in entries(stream) if event["subject"] == f"sku:{sku}"]
