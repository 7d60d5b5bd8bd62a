"""A destination, or shards of it, can be stopped: what is written meanwhile waits, and who stopped it is on record."""

from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from outbox.models import Delivery, OutboxMessage, Shard
from outbox.monitoring import health
from outbox.operations import pauses
from outbox.operations.audit import ReasonMissing
from outbox.publishing.destinations import shard_of
from tests.support.outbox.failing import Refusing
from tests.support.outbox.relaying import marked, relay_to

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def test_a_paused_destination_publishes_nothing_until_it_is_resumed(commit, ann):
    commit("a")
    transport = Refusing()
    assert pauses.pause("tasks", actor=ann, reason="they move house") == 16
    relay_to(transport).drain()
    assert transport.sent == []
    assert pauses.resume("tasks", actor=ann, reason="they moved") == 16
    relay_to(transport).drain()
    assert len(transport.sent) == 1
    said = list(LogEntry.objects.order_by("id").values_list("change_message", flat=True))
    assert said == ["Paused tasks: they move house", "Resumed tasks: they moved"]


def test_a_relay_that_owns_the_shards_stops_at_once(commit, settings):
    """Not only at its next renewal: its next fetch finds nothing."""
    settings.OUTBOX_BATCH = 2  # a full batch: it fetches again
    commit("a", "b")
    transport = Refusing()
    publish = transport.publish

    def pause_it(batch):
        pauses.pause("tasks", actor="ann", reason="they move house")
        commit("c")
        return publish(batch)

    transport.publish = pause_it  # type: ignore[method-assign]
    relay_to(transport).drain()
    assert len(transport.sent) == 2
    assert OutboxMessage.objects.get().key == "item:c"


def test_one_shard_is_paused_and_the_others_go_on(commit):
    commit("a", "b")
    pauses.pause("tasks", [shard_of("item:a", 0)], actor="ann", reason="look at it")
    transport = Refusing()
    relay_to(transport).drain()
    assert [sent.split()[0] for sent in transport.sent] == ["item:b"]


def test_a_paused_destination_delivers_nothing_again(commit):
    commit("a")
    marked("host.first")
    Delivery.objects.update(due_at="2000-01-01T00:00Z")
    pauses.pause("tasks", actor="ann", reason="they move house")
    transport = Refusing()
    relay_to(transport).drain()
    assert transport.sent == []
    pauses.resume("tasks", actor="ann", reason="they moved")
    relay_to(transport).drain()
    assert len(transport.sent) == 1


def test_who_paused_first_stays_on_record():
    assert pauses.pause("tasks", [3], actor="ann", reason="first") == 1
    assert pauses.pause("tasks", actor="bob", reason="second") == 15
    shard = Shard.objects.get(shard=3)
    assert (shard.paused_by, shard.paused_reason) == ("ann", "first")
    assert shard.paused_at is not None


def test_a_pause_is_an_alarm_with_who_and_why():
    pauses.pause("tasks", actor="ann", reason="they move house")
    assert health.status().alarms == ("tasks: paused, 16 of 16 shards, by ann (they move house).",)


def test_a_pause_needs_a_reason_and_a_destination_that_is_there():
    with pytest.raises(ReasonMissing):
        pauses.pause("tasks", actor="ann", reason="")
    with pytest.raises(pauses.NoSuchShard, match="There are: tasks"):
        pauses.pause("nowhere", actor="ann", reason="why")
    with pytest.raises(pauses.NoSuchShard, match="numbered from 0 to 15"):
        pauses.pause("tasks", [16], actor="ann", reason="why")


def test_the_command_line_pauses_and_resumes():
    out = StringIO()
    call_command("outbox", "pause", "tasks", "--shard=1", "--shard=2", "--reason=look at it", stdout=out)
    assert "2 shards of tasks paused." in out.getvalue()
    assert sorted(Shard.objects.filter(paused=True).values_list("shard", flat=True)) == [1, 2]
    call_command("outbox", "resume", "tasks", "--reason=looked", stdout=out)
    assert not Shard.objects.filter(paused=True).exists()
    with pytest.raises(CommandError, match="There are: tasks"):
        call_command("outbox", "pause", "nowhere", "--reason=why")
