"""A consumer of another service's stream: each event's effects happen once, and none is lost or in the way."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from outbox.consuming import inbox
from outbox.declare.events import EventType, registry
from outbox.models import DeadLetter, Delivery, InboxEntry, PublishedMessage
from outbox.operations.requeue import requeue
from outbox.sql import received
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST, SECOND
from tests.support.outbox.consuming import GROUP, NAME, STREAM, consumer, pending, send, send_event, turn
from tests.support.workers import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_client")]


def effects(subscriber: str = FIRST) -> list[str]:
    """The names in the order in which they were handled."""
    return list(Effect.objects.filter(subscriber=subscriber).order_by("id").values_list("name", flat=True))


def test_each_event_reaches_every_subscriber_and_is_acknowledged(redis_client):
    send("a:1", "b:1")
    assert turn(consumer()) == 2
    assert effects(FIRST) == effects(SECOND) == ["a:1", "b:1"]
    assert InboxEntry.objects.count() == 4
    assert pending(redis_client) == 0
    assert not PublishedMessage.objects.exists()


@pytest.mark.parametrize("options", ["protocol=2", "protocol=3", "protocol=3&legacy_responses=false"])
def test_it_reads_by_either_protocol_of_redis(redis_client, settings, options):
    settings.REDIS_URL = f"{settings.REDIS_URL}?{options}"
    send("a:1", "b:1")
    consumer("dead")._read(">")
    reader = consumer(min_idle=timedelta(milliseconds=1))
    until(lambda: turn(reader) > 0 or len(effects()) == 2, what="what another had in hand is taken over")
    send("c:1")
    until(lambda: turn(reader) == 0 and len(effects()) == 3)
    assert effects() == ["a:1", "b:1", "c:1"]
    assert (turn(reader), pending(redis_client)) == (0, 0)


def test_a_new_group_reads_the_stream_from_its_first_entry(redis_client):
    send("a:1")
    reader = consumer(at_once=1)
    send("a:2")
    assert (turn(reader), turn(reader), turn(reader)) == (1, 1, 0)
    assert effects() == ["a:1", "a:2"]


def test_an_event_that_is_sent_twice_has_one_effect(redis_client):
    at = datetime.now(UTC).isoformat()
    for _ in range(2):
        send_event(redis_client, time=at)
    send_event(redis_client, time=at, source="urn:another")
    assert turn(consumer()) == 3
    assert len(effects()) == 2, "an event is known by source and id together"
    assert UUID(str(Effect.objects.earliest("id").message_id)).version == 5


def test_a_failing_event_is_tried_again_and_ends_as_a_dead_letter_and_the_others_flow(redis_client):
    send("bad:1", behaviour="fail")
    send("a:1")
    reader = consumer()
    turn(reader)
    assert effects() == ["a:1"]
    assert pending(redis_client) == 0, "it waits on the books"
    assert Delivery.objects.get().last_error == "RuntimeError: the handler fails"
    until(lambda: turn(reader) == 0 and DeadLetter.objects.exists())
    dead = DeadLetter.objects.get()
    assert (dead.subscriber, dead.destination, dead.key, dead.attempts) == (FIRST, NAME, "bad", 3)
    assert (dead.error_class, dead.error) == ("RuntimeError", "the handler fails")
    assert '"name": "bad:1"' in dead.payload
    assert not Delivery.objects.exists()
    assert effects(SECOND) == ["bad:1", "a:1"]


def test_what_follows_in_the_key_waits_for_the_one_that_is_tried_again(redis_client):
    send("a:1", behaviour="wait")
    send("a:2", "b:1")
    reader = consumer(at_once=1)
    until(lambda: turn(reader) == 0)
    assert effects() == ["b:1"]
    assert effects(SECOND) == ["a:1", "a:2", "b:1"], "another subscriber does not wait"
    assert set(Delivery.objects.values_list("key", "attempts")) == {("a", 0)}
    first = PublishedMessage.objects.earliest("id")
    PublishedMessage.objects.filter(id=first.id).update(payload=first.payload.replace('"wait"', '"succeed"'))
    Delivery.objects.update(due_at="2000-01-01T00:00Z")
    until(lambda: turn(reader) == 0)
    assert effects() == ["b:1", "a:1", "a:2"]


def test_a_due_message_does_not_overtake_an_earlier_one_of_its_key_that_waits(redis_client):
    send("a:1", behaviour="wait")
    send("a:2")
    reader = consumer()
    turn(reader)
    Delivery.objects.filter(position=Delivery.objects.earliest("position").position).update(due_at="2999-01-01T00:00Z")
    Delivery.objects.exclude(due_at__year=2999).update(due_at="2000-01-01T00:00Z")
    assert turn(reader) == 0
    assert effects() == []


def test_a_dead_letter_lets_its_key_go_on(redis_client):
    send("a:1", behaviour="give up")
    send("a:2")
    reader = consumer()
    until(lambda: turn(reader) == 0 and effects() == ["a:2"])
    assert DeadLetter.objects.get().error_class == "PermanentFailure"


def test_a_requeued_dead_letter_is_handled_by_the_consumer(redis_client):
    send("a:1", behaviour="give up")
    reader = consumer()
    turn(reader)
    DeadLetter.objects.update(payload='{"name": "mended"}')
    assert requeue(DeadLetter.objects.get().pk)
    turn(reader)
    assert effects() == ["mended"]
    assert not Delivery.objects.exists()


def test_an_unknown_type_is_parked_and_says_so_and_may_be_requeued(redis_client, monkeypatch):
    send_event(redis_client, type="partner.unheard_of", dataversion=1)
    reader = consumer()
    turn(reader)
    dead = DeadLetter.objects.get()
    assert (dead.subscriber, dead.type, dead.attempts, dead.error_class) == (
        NAME,
        "partner.unheard_of",
        1,
        "CannotRead",
    )
    assert "partner.unheard_of is not declared here. Deploy the code that declares it, then requeue" in dead.error
    requeue(dead.pk)
    turn(reader)
    assert DeadLetter.objects.count() == 1, "it is still unknown"
    _declare("partner.unheard_of", monkeypatch)
    requeue(DeadLetter.objects.get().pk)
    until(lambda: turn(reader) == 0 and effects() == ["a"])
    assert not DeadLetter.objects.exists()
    assert not Delivery.objects.exists()


def _declare(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry.subscribers[FIRST]
    late = replace(known, event=EventType(name, 1, known.event.body))
    monkeypatch.setitem(registry.events, (name, 1), late.event)
    monkeypatch.setitem(registry.subscribers, FIRST, late)


def test_types_that_are_not_asked_for_are_passed_over(redis_client):
    send_event(redis_client, type="partner.unheard_of")
    send("a:1")
    turn(consumer(only=("host.*",)))
    assert effects() == ["a:1"]
    assert not DeadLetter.objects.exists()
    assert pending(redis_client) == 0


def test_an_unknown_version_is_parked_and_says_so(redis_client):
    send_event(redis_client, dataversion=7)
    turn(consumer())
    assert sorted(DeadLetter.objects.values_list("subscriber", "version")) == [(FIRST, 7), (SECOND, 7)]
    assert "version 7" in DeadLetter.objects.filter(subscriber=FIRST).get().error


def test_what_is_no_cloud_event_is_a_dead_letter_and_never_in_the_way(redis_client):
    redis_client.xadd(STREAM, {"event": b"\xff\x00"})
    redis_client.xadd(STREAM, {"order": "7"})
    redis_client.xadd(STREAM, {"event": b"[" * 100_000})
    send_event(redis_client, id="ffffffff-ffff-7fff-bfff-ffffffffffff")  # a day after the last one there is
    send("a:1")
    reader = consumer()
    turn(reader)
    assert effects() == ["a:1"]
    assert pending(redis_client) == 0
    dead = list(DeadLetter.objects.order_by("id"))
    assert [one.subscriber for one in dead] == [NAME] * 4
    assert "no field `event`" in dead[1].error
    assert '"order":"7"' in dead[1].payload
    for one in dead[:3]:
        requeue(one.pk)
    turn(reader)
    assert DeadLetter.objects.count() == 4, "it is none the second time either"


def test_an_event_that_waited_in_the_stream_for_longer_than_the_history_is_kept_is_handled(redis_client):
    send_event(redis_client, time="2020-01-01T00:00:00Z")
    reader = consumer()
    until(lambda: turn(reader) == 0 and effects() == ["a"])
    assert pending(redis_client) == 0


def test_when_the_database_does_not_answer_the_event_stays_pending_and_costs_no_attempt(redis_client, monkeypatch):
    def away(*_args, **_options):
        raise OperationalError("the server closed the connection")

    send("a:1")
    reader = consumer()
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "deliver", away)
        with pytest.raises(OperationalError):
            turn(reader)
    assert pending(redis_client) == 1
    reader.join_group()
    assert pending(redis_client) == 0
    turn(reader)
    assert effects() == ["a:1"]


def test_an_entry_that_was_trimmed_while_it_was_pending_is_reported(redis_client, caplog):
    send("a:1", "a:2")
    reader = consumer()
    redis_client.xreadgroup(GROUP, "one", {STREAM: ">"})
    redis_client.xtrim(STREAM, maxlen=1, approximate=False)
    reader.join_group()
    turn(reader)
    assert effects() == ["a:2"]
    assert "trimmed from the stream before it was handled" in caplog.text
    assert pending(redis_client) == 0


def test_an_outage_of_redis_is_waited_for_and_a_group_that_is_gone_is_made_again(redis_client, caplog):
    send("a:1")
    stop = threading.Event()
    reader = consumer()

    def read() -> None:
        reader.run(stop)
        connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    until(lambda: effects() == ["a:1"])
    redis_client.flushdb()
    until(lambda: "The consumer waits" in caplog.text)
    send("a:2")
    until(lambda: effects() == ["a:1", "a:2"])
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_long_name_on_the_books_is_cut_and_stays_its_own():
    names = {consumer_name("s" * 50, group) for group in ("a", "b")}
    assert len(names) == 2
    assert all(len(name) == 40 for name in names)


def consumer_name(stream: str, group: str) -> str:
    from outbox.streams.consumer import Consumer

    return Consumer(stream=stream, group=group, name="one", url="redis://127.0.0.1:1").receiver.name


def test_messages_of_a_key_keep_the_streams_order_on_the_books(redis_client):
    wanted = [f"{key}:{number}" for number in range(5) for key in "ab"]
    send(*wanted)
    redis_client.xgroup_create(STREAM, GROUP, id="0")
    redis_client.xreadgroup(GROUP, "dead", {STREAM: ">"})
    reader = consumer(min_idle=timedelta(milliseconds=1))
    until(lambda: turn(reader) == 0 and len(effects()) == 10)
    for key in "ab":
        assert [name for name in effects() if name[0] == key] == [name for name in wanted if name[0] == key]
    assert not Delivery.objects.exists()
    assert Effect.objects.filter(message_id__isnull=False).count() == 20
    assert datetime.now(UTC) > PublishedMessage.objects.earliest("published_at").published_at


def test_a_key_that_waits_with_thousands_behind_it_does_not_slow_the_others_down():
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_published (id, destination, message_id, type, version, key, payload, headers, day)
            SELECT i, %s, lpad(to_hex(i), 32, '0')::uuid, 'host.item_counted', 2, 'hot', '{}', '{}', current_date
            FROM generate_series(1, 10000) AS i;
            INSERT INTO outbox_delivery (message_id, subscriber, destination, day, key, position, attempts, due_at,
                                         last_error, created_at)
            SELECT message_id, %s, destination, day, key, id, 0, now() + (id = 1)::int * interval '1 hour', '', now()
            FROM outbox_published;
            ANALYZE outbox_published; ANALYZE outbox_delivery
            """,
            [NAME, FIRST],
        )
    begun = time.monotonic()
    assert received.take_due(NAME, 100, timedelta(seconds=30)) == []
    assert time.monotonic() - begun < 0.5
