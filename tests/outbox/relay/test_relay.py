"""Fetch, publish, mark: what goes out, in how many round trips, and what a failure costs."""

import json
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from outbox import doorbell, publish, settings, sql
from outbox.ids import uuid7
from outbox.models import DeadLetter, Delivery, OutboxMessage, PublishedMessage
from outbox.transports import Outgoing, Sent
from outbox.transports.celery import CeleryTransport
from tests.support.hostapp.events import ChainWanted, ItemCounted, NobodyListens
from tests.support.hostapp.subscribers import FIRST, SECOND
from tests.support.outbox.relaying import relay_to, unpublished
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_message_goes_to_each_subscriber_and_into_the_history(commit, relay, redis_client):
    commit("a")
    assert relay.drain() == 1
    tasks = [json.loads(raw) for raw in redis_client.lrange("events", 0, -1)]
    assert sorted(task["headers"]["shadow"] for task in tasks) == [FIRST, SECOND]
    assert not OutboxMessage.objects.exists()
    assert PublishedMessage.objects.get().key == "item:a"
    assert sorted(Delivery.objects.values_list("subscriber", "attempts")) == [(FIRST, 0), (SECOND, 0)]


def test_the_trace_goes_along_as_headers(commit, relay, redis_client):
    commit("a")
    relay.drain()
    task = json.loads(redis_client.lindex("events", 0))
    assert task["headers"]["traceparent"] in PublishedMessage.objects.get().headers


def test_a_full_batch_is_two_statements_and_one_round_trip(commit, relay, redis_client, settings):
    settings.OUTBOX_BATCH = 50
    commit("warm")
    relay.drain()  # the connection is made, the queue declared
    commit(*(str(number) for number in range(100)))
    redis_client.config_resetstat()
    before = redis_client.info("stats")["total_reads_processed"]
    with CaptureQueriesContext(connection) as queries:
        assert relay.drain() == 100
    reads = redis_client.info("stats")["total_reads_processed"] - before
    pushes = redis_client.info("commandstats")["cmdstat_lpush"]["calls"]
    batches = [query["sql"] for query in queries if "outbox_message" in query["sql"]]
    assert pushes == 200
    assert len(batches) == 2 * 2 + 1, "fetch and mark a batch; one more fetch finds nothing"
    # 400 commands of about 1.5 kB arrive in some reads of 16 kB or more; one round trip a message would be 400
    assert reads < 150


def test_batching_is_on_with_the_projects_broker_settings(relay):
    with current_app.producer_pool.acquire(block=True) as pooled:
        producer: Any = pooled  # newer than its type stubs
        producer.channel  # noqa: B018 - connects
        assert producer.supports_batch_publish


def test_an_event_without_subscribers_becomes_history(relay, redis_client):
    with transaction.atomic():
        publish(NobodyListens("a"))
    assert relay.drain() == 1
    assert PublishedMessage.objects.count() == 1
    assert redis_client.llen("events") == 0


def test_an_unknown_type_waits_then_dies_with_its_reason_and_holds_back_nobody(commit, relay, redis_client):
    sql.insert_messages([sql.NewMessage("tasks", 0, str(uuid7()), "other.removed", 1, "", "{}", "{}")])
    commit("a")
    assert relay.drain() == 1
    held = OutboxMessage.objects.get()
    assert (held.attempts, held.type) == (1, "other.removed")
    assert "Deploy the code that declares it" in held.last_error
    OutboxMessage.objects.update(attempts=7, due_at=held.created_at)
    relay.drain()
    dead = DeadLetter.objects.get()
    assert (dead.type, dead.subscriber, dead.attempts, dead.error_class) == ("other.removed", "", 8, "CannotRead")
    assert not OutboxMessage.objects.exists()


def test_a_broker_outage_costs_no_attempts_and_ends_by_itself(commit, relay, redis_client, caplog):
    commit("a", "b")
    with _broker("redis://127.0.0.1:1/0"):
        begun = time.monotonic()
        assert relay_to(CeleryTransport()).drain() == 0
        assert time.monotonic() - begun < 15
    assert "The broker cannot be reached" in caplog.text
    assert set(OutboxMessage.objects.values_list("attempts", "last_error")) == {(0, "")}
    assert relay.drain() == 2


def test_when_a_batch_is_uncertain_the_refused_message_fails_alone(commit, relay, redis_client):
    for name in ("warm", "again"):
        commit(name)
        with transaction.atomic():
            publish(ChainWanted(name, queue="blocked"))
        relay.drain()  # the first time declares the queues
    redis_client.set("blocked", "not a list")  # so the server refuses that one LPUSH of the pipeline
    commit("a")
    with transaction.atomic():
        publish(ChainWanted("refused", queue="blocked"))
    commit("b")
    assert relay.drain() == 2
    refused = OutboxMessage.objects.get()
    assert (refused.type, refused.attempts) == ("host.chain_wanted", 1)
    assert "WRONGTYPE" in refused.last_error


def test_a_broker_that_refuses_everything_costs_no_attempts(commit, relay, redis_client):
    commit("a", "b")
    redis_client.set("events", "not a list")
    assert relay.drain() == 0
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {0}
    redis_client.delete("events")
    until(lambda: relay.drain() == 2, 10, what="the pause after the outage is over")


def test_a_delivery_that_nobody_confirms_is_published_again(commit, relay, redis_client, settings):
    commit("a")
    relay.drain()
    redis_client.flushall()
    relay.drain()
    assert redis_client.llen("events") == 0, "not before its time"
    Delivery.objects.update(due_at="2000-01-01T00:00Z", sent_at="2000-01-01T00:00Z")
    relay.drain()
    assert redis_client.llen("events") == 2
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}, "a lost message is no failed try"
    relay.drain()
    assert redis_client.llen("events") == 2, "its next time was set before it went out"


def test_an_outage_while_publishing_again_is_made_up_for_at_the_next_tick(commit, relay, redis_client):
    commit("a")
    relay.drain()
    redis_client.flushall()
    Delivery.objects.update(due_at="2000-01-01T00:00Z", sent_at="2000-01-01T00:00Z")
    with _broker("redis://127.0.0.1:1/0"):
        relay_to(CeleryTransport()).drain()
    assert redis_client.llen("events") == 0
    relay.drain()
    assert redis_client.llen("events") == 2


def test_a_subscriber_that_was_quicker_than_the_mark_gets_no_delivery(commit, relay, redis_client):
    commit("a")
    assert sql.claim(unpublished()[0], FIRST)
    relay.drain()
    assert list(Delivery.objects.values_list("subscriber", flat=True)) == [SECOND]


def test_two_relays_at_once_publish_each_message_once(commit, redis_client, settings):
    settings.OUTBOX_BATCH = 10
    commit(*(str(number) for number in range(200)))
    transport = _Recording()

    def run() -> None:
        relay_to(transport).tick(timedelta(seconds=1.5))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(transport.sent) == 200
    assert len(set(transport.sent)) == 200


def test_no_transaction_is_open_while_the_relay_publishes(commit, redis_client):
    commit("a")
    transport = _Recording()
    relay_to(transport).drain()
    assert transport.in_transaction == [False]


def test_a_tick_stays_and_publishes_at_the_ring(commit, relay, redis_client):
    def later() -> None:
        until(lambda: _listens(redis_client), 5, what="the relay listens")
        commit("a")
        connection.close()

    thread = threading.Thread(target=later)
    thread.start()
    assert relay.tick(timedelta(seconds=2)) == 1
    thread.join()
    published = PublishedMessage.objects.get()
    assert published.published_at - published.created_at < timedelta(milliseconds=500)


def test_what_is_committed_while_a_ring_stands_needs_no_ring_of_its_own(commit, relay, redis_client, monkeypatch):
    publish_batch = relay.destination_relays[0].destination.transport.publish
    batches: list[int] = []

    def during_the_first_batch(batch):
        if not batches:
            monkeypatch.setattr(doorbell._bell, "rung_at", time.monotonic() + 60)  # whoever rings now is not heard
            commit("b")
        batches.append(len(batch))
        return publish_batch(batch)

    def later() -> None:
        until(lambda: _listens(redis_client), 5, what="the relay listens")
        commit("a")
        connection.close()

    monkeypatch.setattr(relay.destination_relays[0].destination.transport, "publish", during_the_first_batch)
    monkeypatch.setattr("outbox.relay.relay.LONGEST_PAUSE", 60)  # nothing but the ring makes it look
    thread = threading.Thread(target=later)
    thread.start()
    assert relay.tick(timedelta(seconds=1)) == 2
    thread.join()
    assert batches == [1, 1]


def test_a_tick_ends_when_its_time_is_up(relay, redis_client):
    begun = time.monotonic()
    relay.tick(timedelta(seconds=0.3))
    assert 0.25 < time.monotonic() - begun < 1.5


def test_without_redis_a_tick_still_publishes_and_does_not_spin(commit, settings, caplog):
    settings.OUTBOX_REDIS_URL = "redis://127.0.0.1:1/0"
    commit("a")
    transport = _Recording()
    begun = time.monotonic()
    assert relay_to(transport).tick(timedelta(seconds=0.4)) == 1
    assert time.monotonic() - begun > 0.35
    assert len([one for one in caplog.records if "cannot be heard" in one.message]) == 1


def test_a_full_redelivery_time_grows_with_age_up_to_ten_times(commit, relay, redis_client):
    commit("a")
    relay.drain()
    for age, expected in ((1, 30), (100, 100), (100_000, 300)):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE outbox_delivery SET due_at = now(), created_at = now() - make_interval(secs => %s)", [age]
            )
        sql.take_overdue("tasks", 10, settings.redeliver_after())
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM due_at - now())::int FROM outbox_delivery LIMIT 1")
            assert cursor.fetchone()[0] == pytest.approx(expected, abs=2)


class _Recording:
    """A transport that only remembers."""

    def __init__(self) -> None:
        self.sent: list[object] = []
        self.in_transaction: list[bool] = []

    def recipients(self, envelope) -> tuple[str, ...]:
        return (FIRST,)

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        self.in_transaction.append(connection.in_atomic_block)
        self.sent.extend(one.envelope.id for one in batch)
        return Sent(rows=[one.row for one in batch])


class _broker:  # noqa: N801 - used like a function
    """Point Celery's pools at another broker for a while."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> None:
        self.before = current_app.conf.broker_write_url
        self._point(self.url)

    def __exit__(self, *_: object) -> None:
        self._point(self.before)

    def _point(self, url: str) -> None:
        app: Any = current_app
        app.conf.broker_write_url = url
        app._pool = None
        app.amqp._producer_pool = None


def _listens(client) -> bool:
    return bool(client.pubsub_numsub(doorbell.CHANNEL)[0][1] > 0)


def test_listening_returns_at_once_for_a_ring_that_came_before(redis_client):
    with doorbell.Listener() as bell:
        doorbell.ring()
        assert bell.listen(timedelta(seconds=5))
        assert not bell.listen(timedelta(seconds=0.05))


def test_the_message_that_fails_alone_does_not_stop_the_batch(commit, relay, redis_client):
    with transaction.atomic():
        publish(ItemCounted("good"))
        broken = publish(ItemCounted("bad headers"))
        publish(ItemCounted("good too"))
    OutboxMessage.objects.filter(message_id=broken).update(headers="not json")
    assert relay.drain() == 2
    assert OutboxMessage.objects.get().last_error.startswith("CannotRead: The headers cannot be read")
