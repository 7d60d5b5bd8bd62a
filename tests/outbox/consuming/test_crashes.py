"""Real processes, killed at the worst moments: every committed message still has each effect exactly once."""

import textwrap
from datetime import timedelta

import pytest

from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST, SECOND
from tests.support.workers import Programs, until

pytestmark = pytest.mark.django_db(transaction=True)

SOON = timedelta(seconds=0.5)


def effects() -> list[tuple[str, str]]:
    return sorted(Effect.objects.values_list("name", "subscriber"))


def each_once(*names: str) -> list[tuple[str, str]]:
    return sorted((name, subscriber) for name in names for subscriber in (FIRST, SECOND))


def test_a_committed_message_reaches_every_subscriber_through_a_real_worker(worker, commit, relay):
    worker("events")
    commit("a", "b", "c")
    relay.drain()
    until(lambda: effects() == each_once("a", "b", "c"))
    until(lambda: not Delivery.objects.exists())


def test_a_chain_is_published_in_the_batch_and_runs_in_order_with_the_trace(worker, relay):
    from django.db import transaction

    from outbox import publish
    from outbox.messages import trace
    from tests.support.hostapp.events import ChainWanted

    worker("events", concurrency=1)
    with trace.use(trace.start()) as current, transaction.atomic():
        publish(ChainWanted("a"))
    assert relay.drain() == 1
    until(lambda: Effect.objects.count() == 3)
    done = list(Effect.objects.order_by("id").values_list("subscriber", "trace_id"))
    assert done == [(f"link {position}", current.trace_id) for position in range(3)]
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("moment", ["before the publish", "between publish and mark", "after the mark"])
def test_a_relay_killed_at_any_moment_leaves_each_effect_exactly_once(
    moment, programs: Programs, worker, commit, relay, settings
):
    settings.OUTBOX_REDELIVER_AFTER = SOON
    commit("a", "b")
    killed = programs.start("relay", ["-c", KILLED_RELAY, moment])
    assert killed.process.wait(60) == -9, killed.output
    assert OutboxMessage.objects.exists() == (moment != "after the mark")
    worker("events")

    def settled() -> bool:
        relay.drain()
        return effects() == each_once("a", "b") and not Delivery.objects.exists() and not OutboxMessage.objects.exists()

    until(settled, 40, what=f"settled after: {moment}")
    assert effects() == each_once("a", "b")
    assert InboxEntry.objects.count() == 4


def test_a_redis_wiped_between_publish_and_delivery_only_delays(worker, commit, relay, redis_client, settings):
    settings.OUTBOX_REDELIVER_AFTER = SOON
    commit("a", "b")
    relay.drain()
    redis_client.flushall()
    worker("events")

    def settled() -> bool:
        relay.drain()
        return not Delivery.objects.exists()

    until(settled)
    assert effects() == each_once("a", "b")


def test_a_handler_that_kills_its_worker_ends_as_a_dead_letter_and_the_others_flow(worker, commit, relay, settings):
    settings.OUTBOX_REDELIVER_AFTER = SOON
    worker("events", pool="prefork", concurrency=2, env={"TEST_REDELIVER_AFTER": "0.5"})
    commit("poison", behaviour="kill")
    commit("a", "b")

    def settled() -> bool:
        relay.drain()
        return DeadLetter.objects.exists() and not Delivery.objects.exists()

    until(settled, 60)
    dead = DeadLetter.objects.get()
    assert (dead.subscriber, dead.key, dead.error_class) == (FIRST, "item:poison", "GaveUp")
    assert effects() == sorted([*each_once("a", "b"), ("poison", SECOND)])


def test_a_failing_message_ends_as_a_dead_letter_and_the_others_flow(worker, commit, relay):
    worker("events")
    commit("bad", behaviour="fail")
    commit("late", behaviour="fail twice")
    commit("a")

    def settled() -> bool:
        relay.drain()
        return DeadLetter.objects.exists() and not Delivery.objects.exists()

    until(settled)
    assert DeadLetter.objects.get().attempts == 3
    assert effects() == sorted([*each_once("a", "late"), ("bad", SECOND)])


def test_beat_and_the_workers_do_it_all_by_themselves(worker, beat, commit):
    worker("upkeep", "events")
    beat()
    commit("first")
    until(lambda: effects() == each_once("first"), 30)
    commit("second")
    until(lambda: effects() == each_once("first", "second"), 5)


KILLED_RELAY = textwrap.dedent(
    """
    import os, signal, sys
    import django
    django.setup()
    from outbox import sql
    from outbox.publishing.destinations import Destination
    from outbox.relay.relay import Relay
    from outbox.transports.celery import CeleryTransport

    die = lambda *args, **named: os.kill(os.getpid(), signal.SIGKILL)
    transport = CeleryTransport()
    match sys.argv[1]:
        case "before the publish":
            transport.publish = die
        case "between publish and mark":
            sql.mark = die
        case "after the mark":
            sql.deregister_relay = die
    # The dead relay's lease must run out before another may drain: here in half a second.
    from django.conf import settings
    settings.OUTBOX_LEASE = settings.OUTBOX_REDELIVER_AFTER = 0.5
    Relay([Destination("tasks", transport)]).drain()
    """
)
