"""What a failure costs: the message's own key waits, everybody else goes out; an outage costs nobody anything."""

from collections.abc import Sequence

import pytest
from django.db import transaction
from django.db.models.functions import Now

from outbox import publish
from outbox.errors import CannotRead
from outbox.models import DeadLetter, Hold, OutboxMessage
from outbox.operations.requeue import requeue
from outbox.transports import Outgoing, Sent, StoppedKeys
from tests.support.hostapp.events import ItemCounted
from tests.support.outbox.relaying import relay_to

pytestmark = pytest.mark.django_db(transaction=True)


class Picky:
    """Sends all but what `refuses` names; fails at `recipients` for what `unreadable` names."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.refuses: set[str] = set()
        self.unreadable: set[str] = set()
        self.outage: Exception | None = None
        self.calls = 0

    def recipients(self, envelope) -> tuple[str, ...]:
        if _name(envelope) in self.unreadable:
            raise CannotRead("what is this?")
        return ()

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        self.calls += 1
        sent, keys = Sent(outage=self.outage), StoppedKeys()
        for one in batch if self.outage is None else ():
            name = _name(one.envelope)
            if keys.stopped(one.envelope):
                continue
            if name in self.refuses:
                sent.failed[one.row] = ValueError(f"{name} is too heavy")
                keys.stop(one.envelope)
            else:
                self.sent.append(name)
                sent.rows.append(one.row)
        return sent


def _name(envelope) -> str:
    return str(envelope.payload).split('"')[3]


def write(*names: str) -> None:
    """`a1` is the first message of key `a`; `-1` has no key."""
    with transaction.atomic():
        for name in names:
            publish(ItemCounted(name), key="" if name[0] == "-" else name[0])


def end_holds() -> None:
    Hold.objects.filter(until__isnull=False).update(until=Now())
    OutboxMessage.objects.update(due_at=Now())


@pytest.mark.parametrize("how", ["refuses", "unreadable"])
def test_a_message_that_fails_holds_back_its_key_alone_until_it_goes_out(how):
    transport = Picky()
    getattr(transport, how).add("a1")
    relay = relay_to(transport)
    write("a1", "b1", "a2", "-1", "a3", "b2")
    assert relay.drain() == 3
    assert sorted(transport.sent) == ["-1", "b1", "b2"]
    hold = Hold.objects.get()
    assert (hold.key, hold.attempts, hold.type) == ("a", 1, "host.item_counted")
    assert "a1 is too heavy" in hold.last_error or "what is this?" in hold.last_error
    write("a4")
    assert relay.drain() == 0, "what is written later waits too"
    getattr(transport, how).clear()
    end_holds()
    assert relay.drain() == 4
    assert transport.sent[3:] == ["a1", "a2", "a3", "a4"]
    assert not Hold.objects.exists()


def test_without_order_a_message_that_fails_waits_alone():
    transport = Picky()
    transport.refuses.add("a1")
    relay = relay_to(transport, order="none")
    write("a1", "a2")
    assert relay.drain() == 1
    assert transport.sent == ["a2"]
    assert not Hold.objects.exists()
    assert OutboxMessage.objects.get().last_error == "ValueError: a1 is too heavy"


def test_a_message_that_is_given_up_lets_its_key_go_on():
    transport = Picky()
    transport.refuses.add("a1")
    relay = relay_to(transport)
    write("a1", "a2")
    OutboxMessage.objects.update(attempts=7)
    assert relay.drain() + relay.drain() == 1
    assert DeadLetter.objects.get().error == "a1 is too heavy"
    assert transport.sent == ["a2"]
    assert not Hold.objects.exists()


def test_where_order_is_strict_a_message_that_is_given_up_stops_its_key_until_it_is_requeued():
    transport = Picky()
    transport.refuses.add("a1")
    relay = relay_to(transport, order="strict")
    write("a1", "a2", "b1")
    OutboxMessage.objects.update(attempts=7)
    relay.drain()
    end_holds()
    relay.drain()
    assert transport.sent == ["b1"]
    assert Hold.objects.get().until is None
    transport.refuses.clear()
    assert requeue(DeadLetter.objects.get().pk)
    assert relay.drain() == 2
    assert transport.sent == ["b1", "a1", "a2"], "in its old place"


def test_after_an_outage_the_broker_is_left_in_peace_for_a_while():
    transport = Picky()
    transport.outage = ConnectionError("away")
    relay = relay_to(transport)
    write("a1")
    for _ in range(3):
        assert relay.drain() == 0
    assert transport.calls == 1
    assert OutboxMessage.objects.get().attempts == 0
    transport.outage = None
    relay.destination_relays[0]._closed_until = 0
    assert relay.drain() == 1
