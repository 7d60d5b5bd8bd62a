"""What a relay lets gather before a batch, and what it does not keep waiting."""

import threading
from datetime import timedelta

import pytest

from outbox import doorbell
from outbox.doorbell import Listener
from outbox.relay.relay import GATHER_FOR, MANY
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gathered(monkeypatch):
    """For how long the relay lets messages gather, before each batch that follows a ring."""
    pauses: list[float] = []
    monkeypatch.setattr(Listener, "gather", lambda _bell, seconds: pauses.append(seconds))
    return pauses


def batches_of(relay, commit_meanwhile):
    """The sizes of the batches that go out; something is committed while the first does."""
    sizes: list[int] = []
    transport = relay.destination_relays[0].destination.transport
    publish_batch = transport.publish

    def note(batch):
        if not sizes:
            commit_meanwhile()
        sizes.append(len(batch))
        return publish_batch(batch)

    transport.publish = note
    return sizes


def test_while_much_is_written_more_is_gathered_for_a_batch(commit, relay, redis_client, gathered, monkeypatch):
    monkeypatch.setattr("outbox.relay.relay.BRIEFLY", 0.0)
    commit(*(f"k{number}" for number in range(MANY)))
    sizes = batches_of(relay, lambda: commit("g"))
    relay.tick(timedelta(seconds=0.5))
    assert sizes == [MANY, 1]
    assert gathered[0] == GATHER_FOR
    assert set(gathered[1:]) <= {0.0}


def test_after_a_message_another_waits_briefly_for_more(commit, relay, redis_client, gathered, monkeypatch):
    monkeypatch.setattr("outbox.relay.relay.BRIEFLY", 0.25)
    commit("a")
    sizes = batches_of(relay, lambda: commit("b"))
    relay.tick(timedelta(seconds=0.5))
    assert sizes == [1, 1]
    assert gathered[0] == 0.25


def test_an_urgent_ring_ends_the_gathering_and_a_plain_one_does_not(redis_client, monkeypatch):
    monkeypatch.setattr(doorbell, "QUIET_AFTER_RING", 0.0)
    ears = Listener()

    def listen():
        with ears:
            ears.gather(60)

    listener = threading.Thread(target=listen)
    listener.start()
    until(lambda: redis_client.pubsub_numsub(doorbell.CHANNEL)[0][1], what="somebody listens")
    doorbell.ring()
    doorbell.ring_urgently()
    listener.join(20)
    assert (listener.is_alive(), ears.urgent) == (False, True)
