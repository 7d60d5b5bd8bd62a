"""In a backlog a batch is marked while the next one is fetched and published: nothing is lost, doubled or reordered."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from outbox import publish, sql
from outbox.models import Hold, OutboxMessage, PublishedMessage
from outbox.relay import destination_relay
from outbox.relay import relay as relays_module
from outbox.transports import Outgoing
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp.events import ItemCounted
from tests.support.outbox.failing import Refusing
from tests.support.outbox.relaying import relay_to

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20  # seconds


@pytest.fixture(autouse=True)
def _batches_of_two(settings, monkeypatch) -> None:
    """From the first batch on."""
    settings.OUTBOX_BATCH = 2
    monkeypatch.setattr(destination_relay, "BACKLOG", 0)


def write(*names: str) -> None:
    """`a1` is the first message of key `a`."""
    with transaction.atomic():
        for name in names:
            publish(ItemCounted(name), key=name[0])


def name_of(one: Outgoing) -> str:
    return one.envelope.payload.split('"')[3]


class Noting(MemoryTransport):
    """Tells nobody; `after` is called with each batch's number once it is sent."""

    def __init__(self, after: Callable[[int], None] = lambda _number: None) -> None:
        super().__init__(delivers=False)
        self.batches: list[list[str]] = []
        self._after = after

    @property
    def names(self) -> list[str]:
        return [name for batch in self.batches for name in batch]

    def publish(self, batch):
        sent = super().publish(batch)
        self.batches.append([name_of(one) for one in batch])
        self._after(len(self.batches))
        return sent


class SlowFirstMark:
    """The first mark waits until `let_go`, and commits then."""

    def __init__(self, monkeypatch: Any, error: Exception | None = None) -> None:
        self.let_go = threading.Event()
        self.thread: threading.Thread | None = None
        self.ended = False
        self._mark, self._error = sql.mark, error
        monkeypatch.setattr(sql, "mark", self)

    def __call__(self, *args: Any, **named: Any) -> None:
        if self.thread is None:
            self.thread = threading.current_thread()
            assert self.let_go.wait(PATIENCE), "nobody let the first mark go on"
            if self._error is not None:
                raise self._error
        self._mark(*args, **named)
        self.ended = True


def test_a_batch_is_sent_while_the_one_before_is_marked_and_none_is_sent_twice(monkeypatch):
    slow = SlowFirstMark(monkeypatch)
    transport = Noting(after=lambda number: slow.let_go.set() if number == 2 else None)
    write("a1", "b1", "a2", "b2", "a3", "b3")
    relay = relay_to(transport)
    assert relay.drain() == 6
    assert sorted(transport.names) == ["a1", "a2", "a3", "b1", "b2", "b3"], "each once"
    for key in "ab":
        assert [name for name in transport.names if name[0] == key] == [f"{key}1", f"{key}2", f"{key}3"]
    assert slow.thread is not None
    assert slow.thread is not threading.current_thread()
    assert not OutboxMessage.objects.exists()
    assert PublishedMessage.objects.count() == 6
    assert not slow.thread.is_alive(), "it ended with the relay, and its connection was closed"


def test_a_message_with_a_smaller_id_that_is_committed_late_still_goes_before_later_ones_of_its_key(monkeypatch):
    begun, committed = threading.Event(), threading.Event()

    def writes_slowly() -> None:
        with transaction.atomic():
            publish(ItemCounted("a1"), key="a")
            begun.set()
            assert slow_commits.wait(PATIENCE)
        committed.set()
        connection.close()

    def after(number: int) -> None:
        if number == 1:
            slow_commits.set()
            assert committed.wait(PATIENCE)
            write("a2")
        if number == 2:
            slow.let_go.set()

    slow_commits = threading.Event()
    writer = threading.Thread(target=writes_slowly)
    writer.start()
    assert begun.wait(PATIENCE)
    write("b1", "c1", "d1")
    slow, transport = SlowFirstMark(monkeypatch), Noting(after)
    relay_to(transport).drain()
    writer.join(PATIENCE)
    sent = transport.names
    assert sorted(sent) == ["a1", "a2", "b1", "c1", "d1"]
    assert sent.index("a1") < sent.index("a2")


def test_a_mark_that_fails_stops_the_relay_and_its_batch_goes_out_again(monkeypatch):
    slow = SlowFirstMark(monkeypatch, error=RuntimeError("the database went away"))
    transport = Noting(after=lambda number: slow.let_go.set() if number == 2 else None)
    write("a1", "a2", "a3", "b1")
    relay = relay_to(transport)
    with pytest.raises(RuntimeError, match="went away"):
        relay.drain()
    assert OutboxMessage.objects.count() == 4, "neither batch is marked: later ones of a key never before earlier ones"
    relay.drain()
    assert not OutboxMessage.objects.exists()
    assert list(dict.fromkeys(name for name in transport.names if name[0] == "a")) == ["a1", "a2", "a3"]


def test_a_mark_that_fails_is_raised_though_its_batch_was_the_last_that_was_sent(monkeypatch):
    slow = SlowFirstMark(monkeypatch, error=RuntimeError("the database went away"))
    slow.let_go.set()
    relay = relay_to(Noting(after=lambda _number: relay._stop.set()))
    write("a1", "a2", "a3", "a4")
    with pytest.raises(RuntimeError, match="went away"):
        relay.drain()


def test_no_shard_is_released_while_a_mark_is_under_way(monkeypatch):
    release, slow = sql.release_shards, SlowFirstMark(monkeypatch)
    marked_by_then: list[bool] = []

    def releases(*args: Any) -> int:
        marked_by_then.append(slow.ended)
        return release(*args)

    def a_relay_comes(number: int) -> None:
        if number == 1:
            sql.register_relay("newcomer", ["tasks"])
            threading.Timer(0.3, slow.let_go.set).start()

    monkeypatch.setattr(sql, "release_shards", releases)
    monkeypatch.setattr(relays_module, "LONGEST_PAUSE", 0)
    write("a1", "b1", "a2", "b2", "a3", "b3")
    relay_to(Noting(a_relay_comes)).drain()
    assert marked_by_then == [True]


def test_a_message_that_fails_while_a_mark_is_under_way_holds_back_its_key_alone(monkeypatch):
    slow, transport = SlowFirstMark(monkeypatch), Refusing("a")
    send = transport.publish

    def lets_go(batch):
        sent = send(batch)
        if sent.failed:
            slow.let_go.set()
        return sent

    monkeypatch.setattr(transport, "publish", lets_go)
    write("b1", "b2", "a1", "b3", "a2", "b4")
    relay_to(transport).drain()
    assert [one[0] for one in transport.sent] == ["b"] * 4
    assert Hold.objects.get().key == "a"
    assert sorted(OutboxMessage.objects.values_list("key", flat=True)) == ["a", "a"]


def test_within_a_transaction_all_is_done_on_its_own_connection():
    def no_end(number: int) -> None:
        assert number <= 4, "what one connection has not committed, another one does not mark"

    transport = Noting(after=no_end)
    with transaction.atomic():
        write("a1", "a2", "a3", "a4")
        assert relay_to(transport).drain() == 4
    assert transport.names == ["a1", "a2", "a3", "a4"]
    assert not OutboxMessage.objects.exists()
