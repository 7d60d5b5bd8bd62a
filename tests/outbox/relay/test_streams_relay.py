"""From a commit to a stream, through a real relay: one round trip a batch, and each key in order whatever fails."""

import json
import textwrap
from typing import Any

import pytest
from django.conf import settings as project
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from redis import Redis

from outbox import publish
from outbox.messages import trace
from outbox.models import Hold, OutboxMessage, PublishedMessage
from outbox.relay.relay import Relay
from outbox.transports.streams import StreamsTransport
from tests.support.hostapp.events import ItemCounted
from tests.support.hostapp.models import Effect
from tests.support.outbox.consuming import STREAM, consumer, turn
from tests.support.outbox.relaying import relay_to
from tests.support.workers import Programs, until

pytestmark = pytest.mark.django_db(transaction=True)


def to_stream(**options: Any) -> Relay:
    return relay_to(StreamsTransport(stream=STREAM, source="https://shop.example", url=project.REDIS_URL), **options)


def commit_in_order(*names: str) -> None:
    for name in names:
        with transaction.atomic():
            publish(ItemCounted(name), key=name[0])


def events(client: Redis) -> list[dict[str, Any]]:
    entries: Any = client.xrange(STREAM)
    return [json.loads(fields[b"event"]) for _, fields in entries]


def names(client: Redis) -> list[str]:
    """As a receiver sees them that knows events by their ids."""
    seen = {event["id"]: event["data"]["name"] for event in events(client)}
    return list(seen.values())


def test_a_full_batch_is_two_statements_and_one_command(redis_client, settings):
    settings.OUTBOX_BATCH = 50
    relay = to_stream()
    commit_in_order("warm")
    relay.drain()
    with transaction.atomic():
        for number in range(100):
            publish(ItemCounted(str(number)), key=f"item:{number}")
    redis_client.config_resetstat()
    with CaptureQueriesContext(connection) as queries:
        assert relay.drain() == 100
    touching = [query["sql"] for query in queries if "outbox_message" in query["sql"]]
    calls = redis_client.info("commandstats")
    assert (calls["cmdstat_evalsha"]["calls"], calls["cmdstat_xadd"]["calls"]) == (2, 100)
    assert len([one for one in touching if "DELETE" in one]) == 2
    assert len(touching) <= 2 * 2 + 2, "beside fetch and mark a batch: the shares, and a last fetch that finds nothing"
    assert PublishedMessage.objects.count() == 101


def test_a_redis_that_is_full_costs_no_attempts_and_keeps_the_order(redis_client):
    commit_in_order("a1", "b1", "a2")
    relay = to_stream()
    redis_client.config_set("maxmemory", 1)
    try:
        assert relay.drain() == 0
    finally:
        redis_client.config_set("maxmemory", 0)
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {0}
    assert not Hold.objects.exists()
    until(lambda: relay.drain() == 3)
    assert names(redis_client) == ["a1", "b1", "a2"]


def test_a_message_that_cannot_be_encoded_holds_back_its_key_alone(redis_client):
    commit_in_order("a1", "b1", "a2")
    OutboxMessage.objects.filter(payload__contains='"a1"').update(headers="not json")
    relay = to_stream()
    assert relay.drain() == 1
    assert names(redis_client) == ["b1"]
    assert Hold.objects.get().key == "a"
    OutboxMessage.objects.update(headers="{}")
    Hold.objects.update(until="2000-01-01T00:00Z")
    assert relay.drain() == 2
    assert names(redis_client) == ["b1", "a1", "a2"]


def test_a_relay_killed_between_publish_and_mark_repeats_the_batch_in_order(programs: Programs, redis_client, settings):
    settings.OUTBOX_LEASE = 0.5
    wanted = ["a1", "b1", "a2", "b2"]
    commit_in_order(*wanted)
    killed = programs.start("relay", ["-c", KILLED_RELAY, project.REDIS_URL, STREAM])
    assert killed.process.wait(60) == -9, killed.output
    assert len(events(redis_client)) == 4
    assert OutboxMessage.objects.count() == 4
    until(lambda: not (to_stream().drain() or OutboxMessage.objects.exists()), what="the dead relay's shards are free")
    assert len(events(redis_client)) == 8
    assert names(redis_client) == wanted


def test_an_event_goes_from_a_commit_here_to_an_effect_there_with_its_trace(redis_client):
    with trace.use(trace.start()) as current, transaction.atomic():
        message_id = publish(ItemCounted("a"), key="a")
    to_stream(keep=False).drain()
    assert events(redis_client)[0]["correlationid"] == current.request_id
    turn(consumer())
    effect = Effect.objects.get(subscriber="host.first")
    assert (effect.message_id, effect.trace_id) == (message_id, current.trace_id)


KILLED_RELAY = textwrap.dedent(
    """
    import os, signal, sys
    import django
    django.setup()
    from django.conf import settings
    from outbox import sql
    from outbox.transports.streams import StreamsTransport
    from tests.support.outbox.relaying import relay_to

    settings.OUTBOX_LEASE = 0.5
    sql.mark = lambda *args, **options: os.kill(os.getpid(), signal.SIGKILL)
    relay_to(StreamsTransport(stream=sys.argv[2], source="https://shop.example", url=sys.argv[1])).drain()
    """
)
