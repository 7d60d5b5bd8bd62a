"""An operator retries, skips or requeues the first message of a held key; a relay at work is never crossed."""

import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from outbox import sql
from outbox.errors import OutboxError
from outbox.models import DeadLetter, Hold, OutboxMessage, Shard
from outbox.operations import held_keys
from outbox.operations.audit import ReasonMissing
from tests.support.outbox.failing import Refusing, held
from tests.support.outbox.relaying import relay_to
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "item:a"


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def three(commit) -> list[int]:
    """Three messages of one key; their places."""
    for _ in range(3):
        commit("a")
    return list(OutboxMessage.objects.order_by("id").values_list("id", flat=True))


def test_a_held_key_says_how_many_wait_behind_its_first(three, commit):
    commit("b")
    _, hold = held(Refusing(KEY))
    assert str(held_keys.behind([hold])[hold.pk]) == "2"


def test_the_depth_is_probed_no_further_than_its_bounds(three, monkeypatch):
    _, hold = held(Refusing(KEY))
    monkeypatch.setattr(held_keys, "COUNTED", 1)
    assert str(held_keys.behind([hold])[hold.pk]) == "1+"
    monkeypatch.setattr(held_keys, "COUNTED", 1000)
    monkeypatch.setattr(held_keys, "READ", 2)
    assert str(held_keys.behind([hold])[hold.pk]) == "2+"


def test_retry_tries_the_first_message_at_once_and_the_rest_follow_in_order(three, ann):
    transport = Refusing(KEY)
    relay, _ = held(transport)
    transport.refused.clear()
    relay.drain()
    assert transport.sent == []
    held_keys.retry("tasks", KEY, actor=ann)
    relay.drain()
    assert transport.sent == [f"{KEY} {place}" for place in three]
    assert not Hold.objects.exists()
    assert LogEntry.objects.get().change_message.startswith("Retried item:a to tasks after 1 attempts: RuntimeError")


def test_a_retry_that_fails_goes_on_with_the_same_count(three):
    relay, hold = held(Refusing(KEY))
    held_keys.retry("tasks", KEY, actor="ann")
    relay.drain()
    again = Hold.objects.get()
    assert (again.pk, again.attempts, again.since) == (hold.pk, 2, hold.since)


def test_skip_makes_a_dead_letter_that_says_who_and_why_and_the_rest_of_the_key_goes_on(three, ann):
    transport = Refusing(KEY)
    relay, _ = held(transport)
    transport.refused.clear()
    held_keys.skip("tasks", KEY, actor=ann, reason="sent by hand")
    relay.drain()
    assert transport.sent == [f"{KEY} {place}" for place in three[1:]]
    dead = DeadLetter.objects.get()
    assert (dead.position, dead.error_class, dead.subscriber) == (three[0], "Skipped", "")
    assert dead.error.splitlines()[0] == "Skipped by ann: sent by hand"
    assert "it does not fit" in dead.error
    assert "sent by hand" in LogEntry.objects.get().change_message


def test_skip_needs_a_reason(three):
    held(Refusing(KEY))
    with pytest.raises(ReasonMissing):
        held_keys.skip("tasks", KEY, actor="ann", reason=" ")
    assert OutboxMessage.objects.count() == 3


def test_what_a_relay_may_have_in_hand_is_not_skipped(three):
    """The hold has ended: the relay that owns the shard has fetched the message, and sends it while ann acts."""
    transport = Refusing(KEY)
    held(transport)
    Hold.objects.update(until=Now())
    transport.refused.clear()
    refused: list[Exception] = []
    publish = transport.publish

    def while_it_sends(batch):
        if not refused:
            thread = threading.Thread(target=skip)
            thread.start()
            thread.join()
        return publish(batch)

    def skip() -> None:
        try:
            held_keys.skip("tasks", KEY, actor="ann", reason="sent by hand")
        except held_keys.BeingPublished as error:
            refused.append(error)
        connection.close()

    transport.publish = while_it_sends  # type: ignore[method-assign]
    relay_to(transport).drain()
    assert "pause shard" in str(refused[0])
    assert not DeadLetter.objects.exists(), "sent, and said to be skipped"
    assert transport.sent == [f"{KEY} {place}" for place in three]


def test_no_relay_takes_the_shard_while_a_message_of_it_is_skipped(three):
    transport = Refusing(KEY)
    held(transport)
    Hold.objects.update(until=Now())  # nobody owns the shard now: nobody has the message in hand
    transport.refused.clear()
    seen: list[list[str]] = []

    def relay() -> None:
        relay_to(transport).drain()
        seen.append(list(transport.sent))
        connection.close()

    with transaction.atomic():
        held_keys.skip("tasks", KEY, actor="ann", reason="sent by hand")
        thread = threading.Thread(target=relay)
        thread.start()
        thread.join()
    assert seen == [[]]
    relay_to(transport).drain()
    assert transport.sent == [f"{KEY} {place}" for place in three[1:]]


def test_two_operators_at_once_act_once(three):
    held(Refusing(KEY))
    outcomes: list[str] = []
    both = threading.Barrier(2)

    def skip(name: str) -> None:
        both.wait()
        try:
            held_keys.skip("tasks", KEY, actor=name, reason="sent by hand")
            outcomes.append("skipped")
        except held_keys.NotHeld:
            outcomes.append("too late")
        connection.close()

    threads = [threading.Thread(target=skip, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["skipped", "too late"]
    assert DeadLetter.objects.count() == 1


def test_a_strict_keys_dead_letter_is_requeued_in_its_old_place_and_the_key_is_let_go(three, ann):
    transport = Refusing(KEY)
    relay, hold = held(transport, order="strict")
    assert hold.until is None
    with pytest.raises(held_keys.GivenUp):
        held_keys.retry("tasks", KEY, actor=ann)
    transport.refused.clear()
    relay.drain()
    assert transport.sent == []
    held_keys.requeue("tasks", KEY, actor=ann, reason="mended")
    relay.drain()
    assert transport.sent == [f"{KEY} {place}" for place in three]
    assert not DeadLetter.objects.exists()


def test_a_strict_keys_dead_letter_is_skipped_and_says_so(three, ann):
    transport = Refusing(KEY)
    relay, _ = held(transport, order="strict")
    transport.refused.clear()
    held_keys.skip("tasks", KEY, actor=ann, reason="sent by hand")
    relay.drain()
    assert transport.sent == [f"{KEY} {place}" for place in three[1:]]
    assert DeadLetter.objects.get().error.startswith("Skipped by ann: sent by hand\n")


def test_what_was_not_given_up_is_not_requeued(three):
    held(Refusing(KEY))
    with pytest.raises(OutboxError, match="was not given up"):
        held_keys.requeue("tasks", KEY, actor="ann")


def test_the_command_line_lists_and_acts(three, ann):
    held(Refusing(KEY))
    out = StringIO()
    call_command("outbox", "holds", stdout=out)
    assert "tasks  item:a  since" in out.getvalue()
    assert "1 attempts; 2 behind it" in out.getvalue()
    call_command("outbox", "retry", "tasks", KEY, stdout=out)
    with pytest.raises(CommandError, match="--reason"):
        call_command("outbox", "skip", "tasks", KEY)
    Hold.objects.update(until=F("since") + timedelta(hours=1))
    call_command("outbox", "skip", "tasks", KEY, "--reason=sent by hand", "--as=ann", stdout=out)
    assert DeadLetter.objects.get().error.startswith("Skipped by ann: sent by hand")
    assert LogEntry.objects.get().user == ann
    with pytest.raises(CommandError, match="is no longer held"):
        call_command("outbox", "skip", "tasks", KEY, "--reason=again")
    with pytest.raises(CommandError, match="No user is named eve"):
        call_command("outbox", "skip", "tasks", KEY, "--reason=again", "--as=eve")


def test_a_shard_that_is_paused_first_gives_time_to_decide(three):
    """As the refusal says: once its shard is paused and let go, an ended hold is no hindrance."""
    transport = Refusing(KEY)
    _, hold = held(transport)
    Hold.objects.update(until=Now())
    shard = Shard.objects.filter(destination="tasks", shard=hold.shard)
    shard.update(owner="another", until=Now() + timedelta(seconds=30))
    with pytest.raises(held_keys.BeingPublished):
        held_keys.skip("tasks", KEY, actor="ann", reason="sent by hand")
    shard.update(paused=True)
    sql.renew_leases("tasks", "another", timedelta(seconds=30))
    until(lambda: not shard.filter(until__gt=Now()).exists(), 5)
    held_keys.skip("tasks", KEY, actor="ann", reason="sent by hand")
    assert OutboxMessage.objects.count() == 2
