"""A copy is sent only of what has left its queue unhandled: no long queue is made longer, and a lost one is found."""

import json
from base64 import b64decode
from collections import Counter
from typing import Any, cast

import pytest
from django.conf import settings as project
from django.db import connection
from kombu.exceptions import OperationalError
from redis import Redis

from outbox.consuming import watermarks
from outbox.models import Delivery, Queue
from outbox.relay.relay import Relay
from tests.support.hostapp.models import Effect
from tests.support.outbox.steps import is_settled, take
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "events"


def tasks(client: Redis) -> Counter[str]:
    """What waits in the queue, by task."""
    return Counter(json.loads(text)["headers"]["task"] for text in client.lrange(QUEUE, 0, -1))


def read_watermarks(client: Redis) -> int:
    """As a worker that has come to the end of the queue: all is taken, and nothing handled; how many watermarks."""
    passed = 0
    while (text := client.rpop(QUEUE)) is not None:
        message = json.loads(cast(bytes, text))
        if message["headers"]["task"] == watermarks.TASK:
            watermarks.record_passed(*json.loads(b64decode(message["body"]))[0])
            passed += 1
    return passed


def due(**more: Any) -> None:
    Delivery.objects.update(due_at="2000-01-01T00:00Z", **more)


def later() -> None:
    """Time passes for those who ask."""
    Queue.objects.update(sent_at="2000-01-01T00:00Z")


def test_while_the_first_copy_waits_in_the_queue_no_other_is_sent(commit, relay: Relay, redis_client):
    commit(*(str(number) for number in range(20)))
    relay.drain()
    assert tasks(redis_client) == {"outbox.deliver": 40}
    for _ in range(10):
        due()
        relay.drain()
        later()
    assert tasks(redis_client)["outbox.deliver"] == 40
    assert 1 <= tasks(redis_client)[watermarks.TASK] <= 10


def test_one_watermark_at_a_time_is_under_way(commit, relay: Relay, redis_client):
    commit("a")
    relay.drain()
    for _ in range(5):
        due()
        relay.drain()
    assert tasks(redis_client)[watermarks.TASK] == 1


def test_what_has_left_the_queue_unhandled_is_sent_again(commit, relay: Relay, redis_client):
    commit("a")
    relay.drain()
    due()
    relay.drain()
    assert read_watermarks(redis_client) == 1
    due()
    relay.drain()
    assert tasks(redis_client) == {"outbox.deliver": 2}
    due()
    relay.drain()
    assert tasks(redis_client) == {"outbox.deliver": 2, watermarks.TASK: 1}, "the copy waits now"


def test_a_broker_that_was_wiped_is_found_out_by_the_next_watermark(commit, relay: Relay, redis_client):
    commit("a")
    relay.drain()
    due()
    relay.drain()
    for _ in range(2):  # the watermark is lost too, more than once
        redis_client.flushall()
        later()
        due()
        relay.drain()
    assert tasks(redis_client) == {watermarks.TASK: 1}
    read_watermarks(redis_client)
    due()
    relay.drain()
    assert tasks(redis_client) == {"outbox.deliver": 2}


def test_a_broker_that_takes_no_watermark_is_an_outage_and_nothing_is_lost(commit, relay: Relay, redis_client):
    commit("a")
    relay.drain()
    redis_client.delete(QUEUE)
    redis_client.set(QUEUE, "not a list")
    due()
    assert isinstance(relay.destination_relays[0]._ask(["host.first"]), OperationalError)
    redis_client.delete(QUEUE)
    later()
    assert relay.destination_relays[0]._ask(["host.first"]) is None
    assert tasks(redis_client) == {watermarks.TASK: 1}


def test_a_queue_of_which_nothing_is_heard_is_not_waited_for_for_ever(commit, relay: Relay, redis_client, settings):
    """Workers of an older release, or none at all, take no watermark."""
    commit("a")
    relay.drain()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_delivery SET sent_at = now() - 10.1 * interval '30 s'")
    due()
    relay.drain()
    assert tasks(redis_client) == {"outbox.deliver": 4}


def test_what_was_put_off_is_sent_when_its_time_has_come_and_no_queue_is_asked(commit, relay: Relay, redis_client):
    commit("a")
    relay.drain()
    due(sent_at=None)
    relay.drain()
    assert tasks(redis_client) == {"outbox.deliver": 4}


def test_a_wiped_broker_costs_seconds(worker, relay: Relay, monkeypatch, settings):
    """Real workers, a real queue, and nothing left of it."""
    settings.OUTBOX_REDELIVER_AFTER = 3.0
    for number in range(20):
        take("abcd"[number % 4], str(number))
    relay.drain()
    with Redis.from_url(project.REDIS_URL) as client:
        assert client.llen(QUEUE)
        client.flushall()
    worker(QUEUE)
    until(lambda: relay.drain() == 0 and is_settled(), 45)
    assert Effect.objects.count() == 80
