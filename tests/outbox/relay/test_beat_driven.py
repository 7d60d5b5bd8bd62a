"""Beat's ticks keep one set of relays running in a process; a destination whose broker is slow delays no other."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection

from outbox import sql
from outbox.models import OutboxMessage, RelayProcess, Shard
from outbox.publishing.destinations import Destination
from outbox.relay import beat_driven, threads
from outbox.relay.beat_driven import BeatDrivenRelay
from outbox.relay.threads import RelayThreads
from outbox.transports.memory import MemoryTransport
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


def in_thread(work) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def owners() -> list[str]:
    return list(RelayProcess.objects.values_list("owner", flat=True))


def test_a_tick_moves_the_end_of_the_relay_that_runs_and_returns_at_once():
    kept = BeatDrivenRelay()
    first = in_thread(lambda: kept.tick(timedelta(seconds=1)))
    until(lambda: len(owners()) == 1, 5)
    before = owners()
    for _ in range(4):
        begun = time.monotonic()
        kept.tick(timedelta(seconds=1))
        assert time.monotonic() - begun < 0.5
        time.sleep(0.4)
    assert first.is_alive(), "1.6 s after a tick of one second"
    assert owners() == before
    first.join(10)
    assert owners() == []
    assert set(Shard.objects.values_list("owner", flat=True)) == {""}


def test_a_relay_that_has_run_long_enough_hands_over_to_the_next_tick(monkeypatch):
    kept = BeatDrivenRelay()
    first = in_thread(lambda: kept.tick(timedelta(seconds=30)))
    until(lambda: len(owners()) == 1, 5)
    before = owners()
    monkeypatch.setattr(beat_driven, "LONGEST", 0)
    second = in_thread(lambda: kept.tick(timedelta(seconds=1.5)))
    first.join(5)
    assert not first.is_alive()
    until(lambda: owners() not in ([], before), 5)
    second.join(10)


def test_a_slow_broker_delays_its_own_destination_alone(commit):
    class Stuck(MemoryTransport):
        def publish(self, batch):
            stuck.wait(10)
            return super().publish(batch)

    stuck, slow, quick = threading.Event(), Stuck(), MemoryTransport()
    team = RelayThreads([Destination("slow", slow), Destination("tasks", quick)])
    thread = in_thread(team.run)
    commit("a")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_message (destination, shard, message_id, type, version, key, payload, headers, attempts,
                                        last_error)
            SELECT 'slow', shard, message_id, type, version, key, payload, headers, 0, '' FROM outbox_message
            """
        )
    until(lambda: len(quick.sent) == 1, 5)
    commit("b")
    until(lambda: len(quick.sent) == 2, 5)
    assert slow.sent == []
    stuck.set()
    until(lambda: len(slow.sent) == 1, 5)
    team.stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_relay_that_fails_says_why_and_begins_again(commit, monkeypatch, caplog):
    monkeypatch.setattr(threads, "PAUSE_AFTER_FAILURE", 0.05)
    fetch, failures = sql.fetch, iter([True])

    def fails_once(*arguments):
        if next(failures, False):
            raise RuntimeError("the database went away")
        return fetch(*arguments)

    monkeypatch.setattr(sql, "fetch", fails_once)
    transport = MemoryTransport()
    team = RelayThreads([Destination("tasks", transport)])
    commit("a")
    thread = in_thread(team.run)
    until(lambda: len(transport.sent) == 1, 5)
    team.stop.set()
    thread.join(10)
    assert "A relay failed and starts again" in caplog.text


def test_a_relay_whose_time_was_up_goes_on_when_a_tick_finds_another_one_still_at_work(commit):
    class Stuck(MemoryTransport):
        def publish(self, batch):
            stuck.wait(10)
            return super().publish(batch)

    stuck, slow, quick = threading.Event(), Stuck(), MemoryTransport()
    team = RelayThreads([Destination("tasks", quick), Destination("slow", slow)])
    commit("a")
    OutboxMessage.objects.update(destination="slow")
    team.stay_until(time.monotonic() + 0.3)
    thread = in_thread(team.run)
    try:
        until(lambda: len(owners()) == 2, 5)
        until(lambda: team._working == 1, 5)  # beat was late: the quick one's time was up
        assert team.stay_until(time.monotonic() + 5)
        commit("b")
        until(lambda: len(quick.sent) == 1, 2)
    finally:
        team.stop.set()
        stuck.set()
        thread.join(10)
    assert not thread.is_alive()
    assert not team.stay_until(time.monotonic() + 5), "it has ended: somebody else must relay"


def test_ticks_do_not_queue_behind_a_relay_that_is_slow_to_hand_over(monkeypatch):
    """Each would take a thread of the worker, from the sweeper too."""
    stuck = threading.Event()
    monkeypatch.setattr(RelayThreads, "run", lambda self: stuck.wait(10))
    monkeypatch.setattr(beat_driven, "LONGEST", 0)
    kept = BeatDrivenRelay()
    ticks = [in_thread(lambda: kept.tick(timedelta(seconds=30)))]
    until(lambda: kept._threads is not None, 5)
    ticks += [in_thread(lambda: kept.tick(timedelta(seconds=30))) for _ in range(4)]
    try:
        until(lambda: sum(tick.is_alive() for tick in ticks) == 2, 3)
    finally:
        stuck.set()
        for tick in ticks:
            tick.join(10)
