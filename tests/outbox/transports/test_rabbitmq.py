"""RabbitMQ, a real one: what counts as sent is confirmed, and the order of a key survives whatever fails."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from celery import current_app
from kombu import Connection

from outbox.models import Delivery, OutboxMessage
from outbox.transports import Outgoing, rabbitmq
from outbox.transports.confirms import ConfirmingChannel
from outbox.transports.rabbitmq import Nacked, RabbitMQTransport, Unroutable
from tests.local.waiting import wait_for
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST, SECOND
from tests.support.outbox.outgoing import BROKEN, outgoing
from tests.support.rabbitmq import MISSING, RabbitMQ, binary
from tests.support.workers import until

from ..relay.test_relay import _broker

pytestmark = [pytest.mark.slow, pytest.mark.skipif(binary() is None, reason=MISSING)]

EXCHANGE, QUEUE = "shop", "partner"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    home: Path = tmp_path_factory.mktemp("rabbitmq")
    started = RabbitMQ(home)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def channel(server: RabbitMQ) -> Iterator[Any]:
    """The other side's channel; its queue gets all that is published."""
    with Connection(server.url()) as connection:
        opened: Any = connection.channel()
        opened.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
        bind(opened)
        yield opened
    with Connection(server.url()) as connection:  # the test may have killed the broker, and the first one with it
        cast(Any, connection.channel()).queue_delete(QUEUE)


def bind(channel: Any, pattern: str = "#", arguments: dict[str, object] | None = None) -> None:
    channel.queue_delete(QUEUE)
    channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
    channel.queue_bind(QUEUE, EXCHANGE, pattern)


def received(channel: Any) -> list[Any]:
    messages = []
    while message := channel.basic_get(QUEUE, no_ack=True):
        messages.append(message)
    return messages


def names(channel: Any) -> list[str]:
    return [json.loads(message.body)["data"]["name"] for message in received(channel)]


@pytest.fixture
def transport(server: RabbitMQ) -> Iterator[Callable[..., RabbitMQTransport]]:
    made: list[RabbitMQTransport] = []

    def make(**options: Any) -> RabbitMQTransport:
        made.append(RabbitMQTransport(url=server.url(), exchange=EXCHANGE, source="https://shop.example", **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_message_arrives_as_a_persistent_cloud_event_under_its_type(transport, channel):
    bind(channel, "host.*")
    batch = outgoing("a:1")
    sent = transport().publish(batch)
    assert (sent.rows, sent.failed, sent.outage) == ([1], {}, None)
    message = received(channel)[0]
    assert message.delivery_info["routing_key"] == "host.item_counted"
    assert message.properties["content_type"] == "application/cloudevents+json"
    assert message.properties["delivery_mode"] == 2
    assert json.loads(message.body)["id"] == message.properties["message_id"] == str(batch[0].envelope.id)


def test_a_batch_of_different_keys_is_confirmed_at_once_and_a_key_one_by_one(transport, channel, monkeypatch):
    sizes: list[int] = []
    send = ConfirmingChannel.send

    def note(link, batch, *args):
        sizes.append(len(batch))
        send(link, batch, *args)

    monkeypatch.setattr(ConfirmingChannel, "send", note)
    assert len(transport().publish(outgoing(*(f"{number}:" for number in range(300)), ":x", ":y")).rows) == 302
    assert sorted(transport().publish(outgoing("a:1", "b:1", "a:2", "a:3")).rows) == [1, 2, 3, 4]
    assert sizes == [302, 2, 1, 1]


def test_order_within_a_key_is_kept(transport, channel):
    wanted = [f"{key}:{number}" for number in range(20) for key in "abc"]
    transport().publish(outgoing(*wanted))
    arrived = names(channel)
    assert sorted(arrived) == sorted(wanted)
    for key in "abc":
        assert [name for name in arrived if name.startswith(key)] == [name for name in wanted if name.startswith(key)]


def test_a_full_queue_costs_no_attempt_and_what_follows_in_the_key_waits(transport, channel):
    bind(channel, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    batch = outgoing("a:1", "a:2", "a:3", "b:1")
    to = transport()
    sent = to.publish(batch)
    assert (sorted(sent.rows), sent.failed) == ([1, 4], {})
    assert isinstance(sent.outage, Nacked)
    assert sorted(names(channel)) == ["a:1", "b:1"]  # and it is empty now
    assert to.publish(batch[1:3]).rows == [2, 3]
    assert names(channel) == ["a:2", "a:3"]


def test_a_message_for_which_no_queue_is_bound_fails_and_holds_back_its_key(transport, channel):
    bind(channel, "host.other")
    first, second, other = outgoing("a:1", "a:2", "b:1")
    sent = transport().publish([first, second, typed(other, "host.other")])
    assert sent.rows == [3]
    assert list(sent.failed) == [1]
    assert isinstance(sent.failed[1], Unroutable)
    assert sent.outage is None
    assert names(channel) == ["b:1"]


def test_a_message_for_nobody_may_be_dropped_on_request(transport, channel):
    bind(channel, "host.other")
    assert transport(mandatory=False).publish(outgoing("a:1", "a:2")).rows == [1, 2]


def test_what_cannot_be_sent_fails_alone_before_anything_is_sent(transport, channel):
    large, broken, fine = outgoing("a:1", size=5_000)[0], outgoing("b:1", headers=BROKEN)[0], outgoing("c:1")[0]
    long = typed(outgoing("d:1")[0], "ä" * 200)
    rows = [Outgoing(row, one.envelope, ()) for row, one in enumerate([large, broken, fine, long], start=1)]
    sent = transport(largest=4_000).publish(rows)
    assert (sent.rows, sorted(sent.failed), sent.outage) == ([3], [1, 2, 4], None)
    assert "RabbitMQ is given at most 4000" in str(sent.failed[1])


def test_a_broker_that_hangs_is_an_outage_and_what_is_sent_again_keeps_its_order(
    transport, server, channel, monkeypatch
):
    monkeypatch.setattr(rabbitmq, "TIMEOUT", 1.0)
    to = transport()
    batch = outgoing("a:1", "a:2", "b:1")
    to.publish(outgoing("w:1"))
    server.process.send_signal(signal.SIGSTOP)
    try:
        sent = to.publish(batch)
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert (sent.rows, sent.failed) == ([], {})
    assert sent.outage is not None
    assert sorted(to.publish(batch).rows) == [1, 2, 3]
    arrived = names(channel)
    assert list(dict.fromkeys(name for name in arrived if name.startswith("a"))) == ["a:1", "a:2"]


def test_a_broker_killed_and_restarted_keeps_what_it_confirmed(transport, server, channel):
    to = transport()
    assert to.publish(outgoing("a:1")).rows == [1]
    server.kill()
    sent = to.publish(outgoing("a:2"))
    assert (sent.rows, sent.failed) == ([], {})
    assert isinstance(sent.outage, OSError)
    server.restart()

    def comes_through() -> bool:
        with Connection(server.url()) as connection:  # a binding of a moment ago may have died with the broker
            opened: Any = connection.channel()
            opened.queue_declare(QUEUE, durable=True, auto_delete=False)
            opened.queue_bind(QUEUE, EXCHANGE, "#")
        return bool(to.publish(outgoing("a:2")).rows == [1])

    wait_for(comes_through, "the broker to take messages again", seconds=60)
    with Connection(server.url()) as connection:  # what an outage left unconfirmed may have come, and comes again
        assert list(dict.fromkeys(names(connection.channel()))) == ["a:1", "a:2"]


def test_a_connection_that_was_cut_while_nobody_looked_is_no_outage(transport, server):
    to = transport(mandatory=False)
    to.publish(outgoing("a:1"))
    server.kill()
    server.restart()
    sent = to.publish(outgoing("a:2"))
    assert (sent.rows, sent.outage) == ([1], None)


def test_the_threads_of_a_process_share_its_connection(transport, channel):
    to = transport()
    sent: list[int] = []

    def run(thread: int) -> None:
        for number in range(20):
            sent.extend(to.publish(outgoing(*(f"{thread}-{number}-{key}:" for key in range(10)))).rows)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 800
    assert len(set(names(channel))) == 800


def test_a_forked_process_connects_anew_and_leaves_its_parents_connection_alone(transport, channel):
    to = transport()
    to.publish(outgoing("a:1"))
    inherited = to._link
    inherited.process -= 1  # as if another process had made it
    assert to.publish(outgoing("a:2")).rows == [1]
    assert to._link is not inherited
    assert inherited.is_alive()
    inherited.close()


def test_another_brokers_address_is_refused():
    with pytest.raises(ValueError, match="needs an amqp:// or amqps:// url"):
        RabbitMQTransport(url="redis://localhost", exchange=EXCHANGE, source="https://shop.example")


class TestCelery:
    """The tasks of this project's own subscribers, on a RabbitMQ broker with confirms."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture(autouse=True)
    def _on_rabbitmq(self, server: RabbitMQ) -> Iterator[None]:
        before = current_app.conf.broker_transport_options
        current_app.conf.broker_transport_options = {"confirm_publish": True}
        with Connection(server.url()) as connection:
            channel: Any = connection.default_channel
            channel.queue_declare("events", durable=True, auto_delete=False)
            channel.queue_purge("events")  # of what another test left in it
        with _broker(server.url()):
            yield
        current_app.conf.broker_transport_options = before

    def test_tasks_arrive_one_by_one(self, commit, relay, server):
        commit("a", "b")
        assert relay.drain() == 2
        with Connection(server.url()) as connection:
            channel: Any = connection.default_channel
            messages = [channel.basic_get("events", no_ack=True) for _ in range(5)]
        shown = [message.headers["shadow"] for message in messages if message]
        assert sorted(shown) == sorted([FIRST, SECOND] * 2)

    def test_a_worker_hands_them_to_their_subscribers(self, commit, relay, server, programs):
        command = ["-m", "celery", "-A", "config", "worker", "--pool=threads", "--concurrency=2", "--queues=events"]
        programs.start("worker", command, {"CELERY_BROKER_URL": server.url()})
        commit("x", "y")
        assert relay.drain() == 2
        until(lambda: Effect.objects.count() == 4 and not Delivery.objects.exists(), 60)

    def test_a_broker_that_is_gone_costs_no_attempts(self, commit, relay, server):
        commit("a")
        relay.drain()
        commit("b")
        server.kill()
        try:
            assert relay.drain() == 0
            assert OutboxMessage.objects.get().attempts == 0
        finally:
            server.restart()
        until(lambda: relay.drain() == 1)


def typed(one: Outgoing, type_: str) -> Outgoing:
    return Outgoing(one.row, one.envelope._replace(type=type_), ())
