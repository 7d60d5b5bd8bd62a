"""`manage.py relay`, as real processes: told to stop it leaves nothing behind; killed, another takes over."""

import json
import signal
import textwrap
import time
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from redis import Redis

from outbox.models import OutboxMessage, PublishedMessage, RelayProcess, Shard
from tests.support.outbox.failing import Refusing
from tests.support.outbox.relaying import relay_to
from tests.support.workers import Program, Programs, until

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 3000
SLOWLY = textwrap.dedent(
    """
    import os, sys, time
    import django
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from outbox.transports.celery import CeleryTransport

    settings.OUTBOX_BATCH, settings.OUTBOX_LEASE = 50, 2
    publish = CeleryTransport.publish

    def slowly(self, batch):
        sent = publish(self, batch)
        time.sleep(0.05)
        return sent

    CeleryTransport.publish = slowly
    call_command("relay")
    """
)


@pytest.fixture
def backlog(commit) -> None:
    commit(*(str(number) for number in range(MANY)))


def start(programs: Programs) -> Program:
    return programs.start("relay", ["-c", SLOWLY])


def sent(redis_client: Redis) -> Counter[str]:
    """How often each message went out to the first subscriber."""
    tasks = (json.loads(raw)["headers"] for raw in redis_client.lrange("events", 0, -1))
    return Counter(task["argsrepr"] for task in tasks if task["shadow"] == "host.first")


def test_told_to_stop_amid_a_backlog_it_marks_what_went_out_and_lets_its_shards_go(programs, backlog, redis_client):
    relay = start(programs)
    until(lambda: PublishedMessage.objects.exists(), 30)
    relay.process.send_signal(signal.SIGTERM)
    assert relay.process.wait(10) == 0
    assert 0 < OutboxMessage.objects.count() < MANY, "it was amid the backlog"
    assert not Shard.objects.exclude(owner="").exists()
    assert not RelayProcess.objects.exists()
    out = sent(redis_client)
    assert len(out) == PublishedMessage.objects.count() == MANY - OutboxMessage.objects.count()
    assert set(out.values()) == {1}
    assert "the shards are free" in relay.output


def test_two_share_the_shards_and_send_each_message_once(programs, backlog, redis_client):
    start(programs), start(programs)
    until(lambda: Shard.objects.exclude(owner="").values("owner").distinct().count() == 2, 30)
    until(lambda: not OutboxMessage.objects.exists(), 60)
    out = sent(redis_client)
    assert len(out) == MANY
    assert set(out.values()) == {1}


def test_when_one_is_killed_the_other_takes_over(programs, backlog, redis_client):
    killed, other = start(programs), start(programs)
    until(lambda: Shard.objects.exclude(owner="").values("owner").distinct().count() == 2, 30)
    killed.kill()
    until(lambda: not OutboxMessage.objects.exists(), 60)
    assert len(sent(redis_client)) == MANY
    until(lambda: Shard.objects.exclude(owner="").values("owner").distinct().count() == 1, 30)
    other.process.send_signal(signal.SIGINT)
    assert other.process.wait(10) == 0


def test_a_backlog_that_outlasts_the_lease_is_drained_in_one_go(commit, settings):
    """The shards are held on to between two batches."""
    settings.OUTBOX_BATCH, settings.OUTBOX_LEASE = 1, 0.9
    commit(*(str(number) for number in range(8)))
    transport = Refusing()
    publish = transport.publish

    def slowly(batch):
        time.sleep(0.2)
        return publish(batch)

    transport.publish = slowly  # type: ignore[method-assign]
    assert relay_to(transport).drain() == 8
    assert set(Shard.objects.values_list("epoch", flat=True)) == {1}


def test_a_destination_that_is_not_there_is_refused():
    with pytest.raises(CommandError, match=r"No destination is named nowhere\. There are: tasks\."):
        call_command("relay", "--destination=nowhere")
