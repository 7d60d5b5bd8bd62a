"""The messages of a key reach a subscriber one at a time, and in their order, whatever the workers do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from outbox import PermanentFailure, publish, sql
from outbox.consuming import in_order, inbox
from outbox.consuming.expedite import make_due_now
from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage, PublishedMessage
from outbox.operations.requeue import requeue
from outbox.tasks import deliver_open
from outbox.transports.celery import CeleryTransport
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp import subscribers
from tests.support.hostapp.events import StepTaken
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import KEYED, LOOSE, STRICT, TOGETHER
from tests.support.outbox.relaying import relay_to
from tests.support.outbox.steps import done, in_commit_order, is_settled, look, opened, someone_waits, take
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def busy(subscriber: str, *keys: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A worker that is in the middle of its first message; the function it gives lets that one end."""
    begun, go_on = threading.Event(), threading.Event()
    behave = subscribers.behave

    def wait(message: object) -> None:
        monkeypatch.setattr(subscribers, "behave", behave)
        begun.set()
        assert go_on.wait(10)

    def run() -> None:
        look(subscriber, *keys)
        connection.close()

    def end() -> None:
        go_on.set()
        thread.join()

    monkeypatch.setattr(subscribers, "behave", wait)
    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(10)
    try:
        yield end
    finally:
        end()


def come_due() -> None:
    """The time has come for all that waits, and no queue holds it any more."""
    Delivery.objects.update(due_at="2000-01-01T00:00Z", held_until=None, sent_at=None)


def test_the_messages_of_a_key_are_handled_in_their_order_by_many_workers(worker):
    worker("events", concurrency=8)
    for number in range(12):
        for key in "abc":
            take(key, f"{key}{number}", behaviour="succeed" if number % 3 else "slow")
    relay = relay_to(CeleryTransport())
    until(lambda: relay.drain() == 0 and is_settled())
    for subscriber in (KEYED, STRICT, TOGETHER):
        assert len(done(subscriber)) == 36
        assert in_commit_order(subscriber), subscriber
    assert len(done(LOOSE)) == 36


def test_only_one_worker_is_at_a_key_and_it_goes_on_with_what_came_meanwhile(monkeypatch):
    take("a", "1", "2")
    opened(KEYED)
    with busy(KEYED, "a", monkeypatch=monkeypatch) as end:
        look(KEYED, "a")
        take("a", "3")
        opened(KEYED)
        look(KEYED, "a")
        assert done(KEYED) == []
        end()
        assert done(KEYED) == ["1", "2", "3"]


def test_other_keys_and_other_subscribers_flow_meanwhile(monkeypatch):
    take("a", "a1")
    take("b", "b1")
    opened(KEYED, STRICT)
    with busy(KEYED, "a", monkeypatch=monkeypatch):
        look(KEYED, "b")
        look(STRICT, "a")
        assert (done(KEYED), done(STRICT)) == (["b1"], ["a1"])


def test_messages_without_a_key_wait_for_nobody(redis_client):
    take("", "1", "2")
    relay_to(CeleryTransport()).drain()
    tasks = [raw.decode() for raw in redis_client.lrange("events", 0, -1)]
    assert len([task for task in tasks if f'"{KEYED}"' in task and '"outbox.deliver"' in task]) == 2


def test_one_task_a_key_is_sent_after_the_mark_and_carries_no_message(redis_client, monkeypatch):
    take("a", "1", "2", "3")
    take("b", "4")
    seen: list[int] = []
    wake = CeleryTransport.wake

    def counting(self, marked, **again):
        seen.append(Delivery.objects.filter(subscriber=KEYED).count())
        return wake(self, marked, **again)

    monkeypatch.setattr(CeleryTransport, "wake", counting)
    relay_to(CeleryTransport()).drain()
    told = [raw.decode() for raw in redis_client.lrange("events", 0, -1) if b"outbox.deliver_open" in raw]
    assert seen == [4]
    assert len([task for task in told if f'"{KEYED}"' in task]) == 2


def test_a_failing_message_holds_back_its_key_alone_until_it_is_through():
    take("a", "late", behaviour="fail twice")
    take("a", "a2")
    take("b", "b1")
    opened(KEYED)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not yet"):
            look(KEYED, "a")
        look(KEYED, "a")
        look(KEYED, "b")
        assert done(KEYED) == ["b1"]
        come_due()
    look(KEYED, "a")
    assert done(KEYED) == ["b1", "late", "a2"]
    assert Effect.objects.get(name="late").attempt == 3


def test_a_message_is_not_tried_before_its_time(monkeypatch):
    take("a", "late", behaviour="wait")
    opened(KEYED)
    look(KEYED, "a")
    held = Delivery.objects.get()
    assert (held.attempts, held.last_error) == (0, "the shop is closed")
    monkeypatch.setattr(subscribers, "behave", lambda message: None)
    look(KEYED, "a")
    look(KEYED, "a", again=True)
    assert done(KEYED) == []
    come_due()
    look(KEYED, "a", again=True)
    assert done(KEYED) == ["late"]


@pytest.mark.parametrize(("subscriber", "after"), [(KEYED, ["2", "3"]), (STRICT, [])])
def test_when_a_message_is_given_up_the_next_follows_or_where_order_is_strict_waits(subscriber, after):
    take("a", "bad", behaviour="give up")
    take("a", "2", "3")
    opened(subscriber)
    with pytest.raises(PermanentFailure):
        look(subscriber, "a")
    assert DeadLetter.objects.get().subscriber == subscriber
    look(subscriber, "a")
    assert done(subscriber) == after


def test_somebody_is_told_to_look_again_after_a_message_was_given_up(redis_client):
    take("a", "bad", behaviour="give up")
    take("a", "2")
    opened(KEYED)
    redis_client.flushdb()
    with pytest.raises(PermanentFailure):
        deliver_open(KEYED, ["a"], [], again=False)
    assert redis_client.llen("events") == 1
    look(KEYED, "a")
    assert done(KEYED) == ["2"]


def test_a_strict_key_goes_on_in_its_order_after_its_dead_letter_was_requeued():
    take("a", "bad", behaviour="give up")
    take("a", "2", "3")
    opened(STRICT)
    with pytest.raises(PermanentFailure):
        look(STRICT, "a")
    DeadLetter.objects.update(payload='{"name":"mended"}')
    assert requeue(DeadLetter.objects.get().pk)
    PublishedMessage.objects.filter(payload__contains="bad").update(payload='{"name":"mended"}')
    look(STRICT, "a")
    assert done(STRICT) == ["mended", "2", "3"]


def test_a_strict_key_goes_on_after_its_dead_letter_was_dropped(redis_client):
    take("a", "bad", behaviour="give up")
    take("a", "2")
    opened(STRICT)
    with pytest.raises(PermanentFailure):
        look(STRICT, "a")
    DeadLetter.objects.all().delete()
    assert sql.wake_soon(STRICT, "a") == 1
    relay_to(CeleryTransport()).drain()
    assert redis_client.llen("events") == 1
    look(STRICT, "a")
    assert done(STRICT) == ["2"]


def test_a_message_that_kills_its_worker_holds_back_its_key_and_runs_out_of_attempts(worker, settings):
    settings.OUTBOX_REDELIVER_AFTER = timedelta(seconds=0.5)
    worker("events", pool="prefork", concurrency=2, env={"TEST_REDELIVER_AFTER": "0.5"})
    take("a", "poison", behaviour="kill")
    take("a", "next")
    take("b", "other")
    relay = relay_to(CeleryTransport())

    def settled() -> bool:
        relay.drain()
        return DeadLetter.objects.count() == 3 and not Delivery.objects.exclude(subscriber=STRICT).exists()

    until(settled, 90)
    assert set(DeadLetter.objects.values_list("error_class", "attempts")) == {("GaveUp", 4)}
    for subscriber in (KEYED, TOGETHER):
        assert sorted(done(subscriber)) == ["next", "other"]
    assert done(STRICT) == ["other"]


def test_a_message_that_has_failed_since_it_was_looked_at_waits_for_its_time(monkeypatch):
    take("a", "late", behaviour="fail twice")
    opened(KEYED)
    claim = sql.claim_ordered

    def fail() -> None:
        with pytest.raises(RuntimeError, match="not yet"):
            look(KEYED, "a")
        connection.close()

    def another_worker_fails(*args):
        monkeypatch.setattr(sql, "claim_ordered", claim)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        Delivery.objects.update(held_until="2100-01-01T00:00Z")
        monkeypatch.setattr(subscribers, "behave", lambda message: None)
        return claim(*args)

    monkeypatch.setattr(sql, "claim_ordered", another_worker_fails)
    look(KEYED, "a")
    assert done(KEYED) == []
    assert Delivery.objects.get().attempts == 1


def test_a_worker_that_died_is_counted_before_the_next_try_begins(monkeypatch):
    take("a", "1")
    opened(KEYED)
    monkeypatch.setattr(
        in_order.OrderedDelivery, "run", lambda self: False
    )  # as if the worker died: nothing is recorded
    look(KEYED, "a", again=True)
    assert Delivery.objects.get().attempts == 1
    look(KEYED, "a", again=True)
    assert Delivery.objects.get().attempts == 1, "its lease still runs"
    come_due()
    look(KEYED, "a")
    assert Delivery.objects.get().attempts == 2, "once it was counted, whoever comes counts"


def test_a_relay_that_dies_between_mark_and_telling_only_delays(monkeypatch, redis_client):
    take("a", "1")
    monkeypatch.setattr(CeleryTransport, "wake", _die)
    with pytest.raises(SystemExit):
        relay_to(CeleryTransport()).drain()
    monkeypatch.undo()
    assert not OutboxMessage.objects.exists()
    assert Delivery.objects.filter(subscriber=KEYED, due_at__lte=F("created_at") + timedelta(seconds=31)).exists()
    come_due()
    relay_to(CeleryTransport()).drain()
    assert any(f'"{KEYED}"'.encode() in raw for raw in redis_client.lrange("events", 0, -1))


def test_a_broker_that_is_away_when_they_are_told_costs_no_attempt_and_no_redelivery_time(monkeypatch, redis_client):
    take("a", "1")
    monkeypatch.setattr(CeleryTransport, "wake", lambda self, marked, **_: ConnectionError("away"))
    relay_to(CeleryTransport()).drain()
    monkeypatch.undo()
    redis_client.delete("events")
    relay_to(CeleryTransport()).drain()
    told = [raw for raw in redis_client.lrange("events", 0, -1) if f'"{KEYED}"'.encode() in raw]
    assert len(told) == 1
    assert Delivery.objects.get(subscriber=KEYED).attempts == 0


def test_a_worker_stays_with_a_key_for_a_while_and_then_leaves_it_to_a_new_task(monkeypatch):
    take("a", "1", "2")
    opened(KEYED)
    monkeypatch.setattr(in_order, "LONGEST", -1.0)
    assert look(KEYED, "a")
    assert done(KEYED) == []


def test_a_message_of_a_run_of_many_costs_a_look_and_a_claim():
    take("a", *(str(number) for number in range(10)))
    opened(KEYED)
    with CaptureQueriesContext(connection) as queries:
        look(KEYED, "a")
    ours = [query["sql"] for query in queries if "outbox_delivery" in query["sql"]]
    assert len(ours) == 2 * 10 + 1
    assert InboxEntry.objects.count() == 10


def test_a_message_that_is_settled_already_is_closed_and_the_next_follows():
    take("a", "1", "2")
    opened(KEYED)
    first = sql.first_open(KEYED, "a", strict=False)
    assert first is not None
    with transaction.atomic():
        sql.claim(first.envelope, KEYED)
    look(KEYED, "a")
    assert done(KEYED) == ["2"]
    assert is_settled()


def test_an_ordered_subscriber_can_be_handed_a_message_of_another_service(monkeypatch):
    take("a", "1")
    opened(KEYED)
    first = sql.first_open(KEYED, "a", strict=False)
    assert first is not None
    inbox.deliver(KEYED, first.envelope)
    assert done(KEYED) == ["1"]


def test_while_a_call_is_on_its_way_no_other_worker_calls_for_its_key(asking):
    take("a", "1", "2")
    opened(KEYED)
    asking.meanwhile = lambda: bool(look(KEYED, "a"))
    look(KEYED, "a")
    assert asking.asked == ["1", "2"]
    assert done(KEYED) == ["1 by 1", "2 by 2"]


def test_the_answer_of_a_worker_whose_time_ran_out_is_thrown_away_once_another_has_taken_over(asking):
    take("a", "1", "2")
    opened(KEYED)

    def time_runs_out() -> None:
        Delivery.objects.filter(attempts=1).update(held_until="2000-01-01T00:00Z")
        look(KEYED, "a")

    asking.meanwhile = time_runs_out
    look(KEYED, "a")
    assert asking.asked == ["1", "1", "2"]
    assert done(KEYED) == ["1 by 2", "2 by 3"]


def test_order_none_hands_each_message_over_with_its_task(redis_client):
    take("a", "1", "2")
    relay_to(CeleryTransport()).drain()
    handed = [raw.decode() for raw in redis_client.lrange("events", 0, -1) if f'"{LOOSE}"'.encode() in raw]
    assert len(handed) == 2
    assert all('"outbox.deliver"' in task for task in handed)


def test_where_order_is_strict_messages_that_overlap_have_ids_in_the_order_of_their_commits(settings):
    settings.OUTBOX_DESTINATIONS = {
        "tasks": {"transport": "outbox.transports.celery.CeleryTransport", "order": "strict"}
    }
    written = threading.Event()
    committed: list[str] = []

    def overlapping() -> None:
        with transaction.atomic():
            assert written.wait(10)
            publish(StepTaken("second"), key="a")
            committed.append("second")
        connection.close()

    thread = threading.Thread(target=overlapping)
    thread.start()
    with transaction.atomic():
        publish(StepTaken("first"), key="a")
        written.set()
        until(someone_waits, 10, what="the second writer waits for the first")
        publish(StepTaken("first too"), key="a")
        committed.append("first")
    thread.join()
    assert committed == ["first", "second"]
    opened(KEYED)
    look(KEYED, "a")
    assert done(KEYED) == ["first", "first too", "second"]


def _die(*_: object, **__: object) -> None:
    raise SystemExit


def test_what_was_put_off_in_its_order_can_be_hastened(monkeypatch):
    take("a", "1", behaviour="wait")
    opened(KEYED)
    look(KEYED, "a")
    assert Delivery.objects.get().held_until is not None
    with transaction.atomic():
        assert make_due_now([KEYED], ["a"]) == 1
    transport = MemoryTransport()
    relay_to(transport).drain()
    monkeypatch.setattr(subscribers, "behave", lambda message: None)
    transport.deliver_all()
    assert done(KEYED) == ["1"]
