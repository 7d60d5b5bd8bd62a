"""Relays share the shards among themselves, and none is left lying."""

import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from outbox import sql
from outbox.models import Delivery, OutboxMessage, RelayProcess, Shard
from outbox.publishing.destinations import SHARDS
from outbox.relay import relay as relays_module
from outbox.relay.relay import FREE_FOR_ALL_AFTER, Relay
from outbox.transports.memory import MemoryTransport
from tests.support.outbox.relaying import relay_to

pytestmark = pytest.mark.django_db(transaction=True)
LONG = timedelta(seconds=15)


@pytest.fixture
def on_duty():
    """`on_duty()`: a relay that has come; it leaves at the test's end."""
    with ExitStack() as stack:

        def come() -> Relay:
            relay = relay_to(MemoryTransport())
            stack.enter_context(relay._on_duty())
            look(relay)
            return relay

        yield come


def look(relay: Relay) -> None:
    """As a second later."""
    relay._settled_at = relay._renewed_at = -float("inf")
    relay._drain()


def held() -> Counter[str]:
    return Counter(Shard.objects.filter(until__gt=Now()).values_list("owner", flat=True))


def test_one_relay_holds_all(on_duty):
    relay = on_duty()
    assert held() == {relay.owner: SHARDS}


def test_each_relay_that_comes_gets_its_share(on_duty):
    relays = [on_duty() for _ in range(4)]
    for _ in range(2):
        for relay in relays:
            look(relay)
    assert held() == {relay.owner: SHARDS // 4 for relay in relays}


def test_what_a_relay_held_that_left_goes_to_the_others_at_once(on_duty):
    first = on_duty()
    other = relay_to(MemoryTransport())
    with other._on_duty():
        look(other)
        look(first)
        look(other)
        assert held() == {first.owner: SHARDS // 2, other.owner: SHARDS // 2}
    assert held() == {first.owner: SHARDS // 2}
    look(first)
    assert held() == {first.owner: SHARDS}
    assert list(RelayProcess.objects.values_list("owner", flat=True)) == [first.owner]


def test_what_a_dead_relay_held_is_taken_when_its_lease_has_run_out_however_many_are_counted(on_duty):
    sql.make_shards("tasks", SHARDS)
    sql.register_relay("dead", ["tasks"])
    sql.take_shards("tasks", "dead", SHARDS, timedelta(0), timedelta(0))
    relay = on_duty()
    assert held() == {relay.owner: SHARDS // 2}, "it may come back"
    Shard.objects.filter(owner="dead").update(until=Now() - FREE_FOR_ALL_AFTER)
    look(relay)
    assert held() == {relay.owner: SHARDS}


def test_shards_are_let_go_once_for_a_relay_that_has_come_and_does_not_take_them(on_duty):
    relay = on_duty()
    sql.register_relay("silent", ["tasks"])
    look(relay)
    assert held() == {relay.owner: SHARDS // 2}
    Shard.objects.filter(owner="").update(until=Now() - FREE_FOR_ALL_AFTER)
    for _ in range(3):
        look(relay)
    assert held() == {relay.owner: SHARDS}


def test_a_new_owner_is_a_new_epoch_and_the_old_one_writes_down_no_failure(on_duty, commit):
    relay = on_duty()
    commit("a")
    due = sql.fetch("tasks", relay.owner, 1, 1)[0]
    Shard.objects.update(until=Now())
    assert sql.fetch("tasks", relay.owner, 1, 1) == [], "a lease that has run out is nobody's"
    sql.take_shards("tasks", "another", SHARDS, LONG, timedelta(0))
    assert sql.count_failure(relay.owner, "tasks", due) == 0
    Shard.objects.update(until=Now())
    sql.take_shards("tasks", relay.owner, SHARDS, LONG, timedelta(0))
    assert sql.count_failure(relay.owner, "tasks", due) == 0, "its own, but of an epoch that has passed"
    again = sql.fetch("tasks", relay.owner, 1, 1)[0]
    assert sql.count_failure(relay.owner, "tasks", again) == 1


def test_a_lease_is_renewed_long_before_it_runs_out(on_duty, settings):
    settings.OUTBOX_LEASE = 3
    relay = on_duty()
    before = Shard.objects.order_by("until").values_list("until", flat=True)[0]
    relay._renewed_at = time.monotonic() - 1.1
    relay._drain()
    assert Shard.objects.order_by("until").values_list("until", flat=True)[0] > before
    assert set(Shard.objects.values_list("epoch", flat=True)) == {1}


def test_a_paused_shard_is_not_published_and_then_let_go(on_duty, commit):
    relay = on_duty()
    Shard.objects.update(paused=True)
    commit("a", "b")
    assert relay._drain() == 0
    look(relay)
    assert held() == {}
    Shard.objects.update(paused=False)
    look(relay)
    assert not OutboxMessage.objects.exists()


def test_a_relay_with_a_long_backlog_shares_it_with_one_that_comes(commit, settings, monkeypatch):
    settings.OUTBOX_BATCH = 1
    monkeypatch.setattr(relays_module, "LONGEST_PAUSE", 0.05)
    shares = []

    class Helped(MemoryTransport):
        def publish(self, batch):
            if len(self.sent) == 1:
                sql.register_relay("newcomer", ["tasks"])
            time.sleep(0.02)
            shares.append(sum(held().values()))
            return super().publish(batch)

    commit(*map(str, range(40)))
    relay_to(Helped()).drain()
    assert shares[0] == SHARDS
    assert SHARDS // 2 in shares


def test_a_relay_with_a_long_backlog_delivers_again_what_was_lost(commit, settings, monkeypatch):
    settings.OUTBOX_BATCH = 1
    monkeypatch.setattr(relays_module, "LONGEST_PAUSE", 0.05)
    commit("lost")
    relay_to(MemoryTransport()).drain()

    class Slow(MemoryTransport):
        def publish(self, batch):
            time.sleep(0.02)
            return super().publish(batch)

    transport = Slow()
    commit(*map(str, range(20)))
    Delivery.objects.update(due_at=Now())
    relay_to(transport).drain()
    again = [place for place, one in enumerate(transport.sent) if one.envelope.again]
    assert again
    assert again[0] < 15
