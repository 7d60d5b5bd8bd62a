"""The Streams transport on a real server: one round trip, and a prefix of the batch whatever fails."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings

from config.local.services.redis import Redis as Server
from outbox.transports import streams
from outbox.transports.streams import StreamsTransport
from tests.support.outbox.outgoing import BROKEN, outgoing
from tests.support.workers import until

STREAM = "orders"
LAST_ID_BUT_TWO = f"{2**64 - 1}-{2**64 - 3}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Redis]:
    """A Redis of this test's own, to be broken."""
    started = Server(tmp_path / "redis")
    started.start()
    with redis.Redis.from_url(started.url()) as client:
        yield client
    started.stop()


def transport(url: str = "", **options: Any) -> StreamsTransport:
    return StreamsTransport(stream=STREAM, source="https://shop.example", url=url or settings.REDIS_URL, **options)


def url_of(client: redis.Redis) -> str:
    return f"redis://127.0.0.1:{client.connection_pool.connection_kwargs['port']}/0"


def names(client: redis.Redis) -> list[str]:
    entries: Any = client.xrange(STREAM)
    return [json.loads(fields[b"event"])["data"]["name"] for _, fields in entries]


def test_a_batch_goes_in_in_order(redis_client):
    batch = outgoing("a:1", "b:1", "a:2")
    sent = transport().publish(batch)
    assert (sent.rows, sent.failed, sent.outage) == ([1, 2, 3], {}, None)
    assert names(redis_client) == ["a:1", "b:1", "a:2"]


def test_a_full_batch_is_one_command(redis_client):
    to = transport()
    to.publish(outgoing("warm:1"))  # the server learns the script
    redis_client.config_resetstat()
    assert len(to.publish(outgoing(*(f"{number}:" for number in range(500)), size=300)).rows) == 500
    calls = {name: one["calls"] for name, one in redis_client.info("commandstats").items() if "config" not in name}
    assert calls == {"cmdstat_evalsha": 1, "cmdstat_xadd": 500}


def test_an_error_in_the_middle_of_a_batch_leaves_a_prefix_and_costs_no_attempts(redis_client):
    redis_client.xadd(STREAM, {"event": '{"data": {"name": "first"}}'}, id=LAST_ID_BUT_TWO)
    sent = transport().publish(outgoing("a:1", "b:1", "a:2", "b:2", "c:1"))
    assert (sent.rows, sent.failed) == ([1, 2], {})
    assert "exhausted" in str(sent.outage)
    assert names(redis_client) == ["first", "a:1", "b:1"]


def test_after_an_error_the_rest_of_a_large_batch_is_not_begun(redis_client, monkeypatch):
    monkeypatch.setattr(streams, "LARGEST_CALL", 3_000)
    redis_client.xadd(STREAM, {"event": '{"data": {"name": "first"}}'}, id=LAST_ID_BUT_TWO)
    redis_client.config_resetstat()
    sent = transport().publish(outgoing("a:1", "a:2", "a:3", "a:4", "a:5", "a:6", size=1_000))
    assert sent.rows == [1, 2]
    assert redis_client.info("commandstats")["cmdstat_xadd"]["calls"] == 2 + 1, "two went in, the third was refused"


def test_a_batch_larger_than_a_call_may_be_goes_in_whole_and_in_order(redis_client, monkeypatch):
    monkeypatch.setattr(streams, "MOST_IN_CALL", 3)
    wanted = [f"a:{number}" for number in range(10)]
    assert transport().publish(outgoing(*wanted)).rows == list(range(1, 11))
    assert names(redis_client) == wanted


def test_a_message_that_cannot_be_encoded_fails_alone_and_holds_back_its_key(redis_client):
    batch = outgoing("a:1", "b:1", "a:2")
    broken = outgoing("a:0", headers=BROKEN)[0]
    sent = transport().publish([type(broken)(9, broken.envelope, ()), *batch])
    assert (sent.rows, list(sent.failed), sent.outage) == ([2], [9], None)
    assert names(redis_client) == ["b:1"]


def test_messages_without_a_key_do_not_hold_back_each_other(redis_client):
    broken = outgoing(":0", headers=BROKEN)[0]
    sent = transport().publish([type(broken)(9, broken.envelope, ()), *outgoing(":1", ":2")])
    assert (sent.rows, list(sent.failed)) == ([1, 2], [9])


@pytest.mark.parametrize("state", ["WRONGTYPE", "OOM", "READONLY", "MASTERDOWN", "NOAUTH"])
def test_a_server_that_takes_nothing_is_an_outage_that_ends_by_itself(state, server):
    to = transport(url_of(server))
    match state:
        case "WRONGTYPE":
            server.set(STREAM, "a text")
        case "OOM":
            server.config_set("maxmemory", 1)
        case "READONLY" | "MASTERDOWN":
            server.config_set("replica-serve-stale-data", "no" if state == "MASTERDOWN" else "yes")
            server.replicaof("127.0.0.1", 1)
        case "NOAUTH":
            server.acl_setuser("default", enabled=True, nopass=False, reset_passwords=True)
    sent = to.publish(outgoing("a:1", "b:1"))
    assert (sent.rows, sent.failed) == ([], {})
    assert sent.outage is not None
    if state == "NOAUTH":
        return
    assert state in f"{type(sent.outage).__name__} {sent.outage}".upper()
    if state == "WRONGTYPE":
        server.delete(STREAM)
    server.config_set("maxmemory", 0)
    server.replicaof("NO", "ONE")
    assert to.publish(outgoing("a:1", "b:1")).rows == [1, 2]


def test_nobody_there_is_an_outage():
    sent = transport("redis://127.0.0.1:1/0").publish(outgoing("a:1"))
    assert (sent.rows, sent.failed) == ([], {})
    assert isinstance(sent.outage, redis.ConnectionError)


def test_an_answer_that_does_not_come_is_an_outage_and_what_is_sent_again_keeps_its_order(server, monkeypatch):
    monkeypatch.setattr(streams, "TIMEOUT", 0.3)
    to = transport(url_of(server))
    batch = outgoing("a:1", "a:2", "a:3")
    to.publish(batch[:1])
    server.client_pause(800)
    sent = to.publish(batch)
    assert (sent.rows, sent.failed) == ([], {})
    assert isinstance(sent.outage, redis.TimeoutError)
    until(lambda: to.publish(batch).rows == [1, 2, 3], 5)
    assert list(dict.fromkeys(names(server))) == ["a:1", "a:2", "a:3"], "known by their ids, they are in order"


def test_a_server_that_forgot_the_script_learns_it_again(redis_client):
    to = transport()
    to.publish(outgoing("a:1"))
    redis_client.script_flush()
    assert to.publish(outgoing("a:2")).rows == [1]
    assert names(redis_client) == ["a:1", "a:2"]


def test_a_stream_is_trimmed_to_about_maxlen_and_by_default_never(redis_client):
    for _ in range(4):
        transport().publish(outgoing(*(f"{number}:" for number in range(500))))
    assert redis_client.xlen(STREAM) == 2_000
    transport(maxlen=700).publish(outgoing("a:1"))
    assert 700 <= redis_client.xlen(STREAM) <= 800


def test_a_stream_is_trimmed_by_age(redis_client):
    seconds, _ = redis_client.time()
    for number in range(500):
        redis_client.xadd(STREAM, {"event": "old"}, id=f"{(seconds - 3600) * 1000}-{number + 1}")
    transport(keep=timedelta(hours=2)).publish(outgoing("a:1"))
    assert redis_client.xlen(STREAM) == 501
    transport(keep=timedelta(minutes=30)).publish(outgoing("a:1"))
    assert 2 <= redis_client.xlen(STREAM) <= 102


def test_a_policy_that_keeps_nothing_or_says_two_things_is_refused():
    with pytest.raises(ValueError, match="would keep nothing"):
        transport(maxlen=0)
    with pytest.raises(ValueError, match="not by both"):
        transport(maxlen=1, keep=timedelta(days=1))
