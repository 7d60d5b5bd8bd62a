"""Relays that fail in part, that are two, that are frozen past their lease, or killed: nothing is lost, doubled, or
out of its order."""

import base64
import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from django.db import transaction

from outbox import publish
from outbox.models import DeadLetter, Hold, OutboxMessage, PublishedMessage, RelayProcess, Shard
from outbox.relay.relay import Relay
from outbox.testing import CrashPoint, crashing_relay
from outbox.transports.celery import CeleryTransport
from tests.support.hostapp.events import StepTaken
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import KEYED, LOOSE, STRICT, TOGETHER
from tests.support.outbox.relaying import relay_to
from tests.support.outbox.steps import done, in_commit_order, is_all_there, is_settled, take
from tests.support.workers import Program, Programs, until

pytestmark = pytest.mark.django_db(transaction=True)

LEVELS = ["none", "key", "strict"]
MOMENTS = [point for point in CrashPoint if point is not CrashPoint.NOWHERE]
OUTSIDE_POSTGRESQL = [point for point in MOMENTS if point is not CrashPoint.IN_MARK]  # whose commit does not freeze
LEASE, SOON = 1.0, 1.5
IN_BACKLOG = """
import django
django.setup()
from django.conf import settings
from outbox.relay import destination_relay
settings.OUTBOX_BATCH = 2
destination_relay.BACKLOG = 0
"""
"""Before a relay's program: batches of two, each marked while the next one is published."""


@pytest.fixture(params=LEVELS)
def level(request, settings) -> str:
    """Each level of order of the destination, here and in the processes."""
    settings.OUTBOX_LEASE, settings.OUTBOX_REDELIVER_AFTER = LEASE, SOON
    settings.OUTBOX_DESTINATIONS = {
        "tasks": {"transport": "outbox.transports.celery.CeleryTransport", "order": request.param}
    }
    return str(request.param)


class Story:
    """What was committed, and what was rolled back."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.rolled_back: list[str] = []
        self.numbers = count()

    def go_on(self) -> None:
        """Six messages of three keys, two of them slow to handle, and one that is rolled back."""
        for place, key in enumerate("abcabc"):
            self.written.append(f"{key}{next(self.numbers)}")
            take(key, self.written[-1], behaviour="slow" if place < 2 else "succeed")
        self.rolled_back.append(f"never {next(self.numbers)}")
        with transaction.atomic():
            publish(StepTaken(self.rolled_back[-1]), key="a")
            transaction.set_rollback(True)

    def check(self) -> None:
        """Every event once for every subscriber, no other, each key in its order; and nothing is missing."""
        for subscriber in (LOOSE, KEYED, STRICT, TOGETHER):
            assert Counter(done(subscriber)) == Counter(self.written), subscriber
        for subscriber in (KEYED, STRICT, TOGETHER):
            assert in_commit_order(subscriber), subscriber
        assert not Effect.objects.filter(name__in=self.rolled_back).exists()
        assert is_all_there(len(self.written))

    def check_wire(self, redis) -> None:
        """What went out, copies apart: each key's messages in the order in which they were committed."""
        for key in "abc":
            sent = [name for name in dict.fromkeys(names_on_the_wire(redis)) if name.startswith(key)]
            assert sent == [name for name in self.written if name.startswith(key)]


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def start(programs: Programs, level: str) -> Callable[..., Program]:
    """`start(point, "SIGSTOP")`: a relay in a process of its own."""
    env = {"TEST_REDELIVER_AFTER": str(SOON), "TEST_ORDER": level}

    def begin(
        point: CrashPoint, signal_name: str = "SIGKILL", lease: float = LEASE, in_backlog: bool = False
    ) -> Program:
        env["TEST_LEASE"] = str(lease)
        flag, program, *rest = crashing_relay(point, signal_name, nth=2 if in_backlog else 1)
        return programs.start(f"relay-{point}", [flag, (IN_BACKLOG if in_backlog else "") + program, *rest], env)

    return begin


def names_on_the_wire(redis) -> list[str]:
    """The names in the messages that were handed to the broker, in the order in which they came."""
    tasks = [json.loads(raw) for raw in reversed(redis.lrange("events", 0, -1))]
    handed = [task for task in tasks if task["headers"]["task"] == "outbox.deliver"]
    return [_name(task) for task in handed]


def _name(task) -> str:
    found = re.search(r'\\"name\\":\\"(\w+)\\"', base64.b64decode(task["body"]).decode())
    assert found is not None
    return found[1]


def is_frozen(program: Program) -> bool:
    """Whether the process was stopped by a signal."""
    assert program.process.poll() is None, program.output
    return Path(f"/proc/{program.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def its_lease_runs_out() -> None:
    RelayProcess.objects.all().delete()
    Shard.objects.update(until="2000-01-01T00:00Z")


def settle() -> None:
    """Relay, here, until nothing waits."""
    relay = Relay()

    def settled() -> bool:
        relay.drain()
        return is_settled()

    until(settled, 60, what="all is delivered")


def all_published() -> bool:
    Relay().drain()
    return not OutboxMessage.objects.exists()


@pytest.mark.parametrize("in_backlog", [False, True], ids=["", "backlog"])
def test_relays_killed_at_every_moment_lose_double_and_reorder_nothing(
    level, story, start, worker, redis_client, in_backlog
):
    for point in MOMENTS:
        story.go_on()
        killed = start(point, in_backlog=in_backlog)
        assert killed.process.wait(60) == -signal.SIGKILL, f"{point}: {killed.output}"
        its_lease_runs_out()
    until(all_published, 30)
    story.check_wire(redis_client)
    worker("events", env={"TEST_REDELIVER_AFTER": str(SOON)})
    settle()
    story.check()


@pytest.mark.parametrize("in_backlog", [False, True], ids=["", "backlog"])
def test_relays_frozen_past_their_lease_lose_double_and_reorder_nothing(
    level, story, start, worker, redis_client, in_backlog
):
    frozen = []
    for point in OUTSIDE_POSTGRESQL:
        story.go_on()
        frozen.append(start(point, "SIGSTOP", in_backlog=in_backlog))
        until(lambda: is_frozen(frozen[-1]), 60, what=f"frozen at {point}")
        story.go_on()
        until(all_published, 30, what=f"another relay has taken over from the one frozen at {point}")
    for program in frozen:
        os.kill(program.process.pid, signal.SIGCONT)
    story.go_on()
    until(all_published, 30)
    story.check_wire(redis_client)
    worker("events", env={"TEST_REDELIVER_AFTER": str(SOON)})
    settle()
    until(lambda: not any(is_frozen(program) for program in frozen), 10)
    story.go_on()
    settle()
    story.check()


def test_two_relays_at_once_lose_double_and_reorder_nothing(level, story, start, worker, redis_client):
    relays = [start(CrashPoint.NOWHERE, lease=15) for _ in range(2)]
    for _ in range(20):
        story.go_on()
    until(lambda: not OutboxMessage.objects.exists(), 60, what="the two have published all")
    story.check_wire(redis_client)
    sent = names_on_the_wire(redis_client)
    assert len(sent) == len(set(sent)), "each belongs to one of them: no copies go out"
    worker("events", env={"TEST_REDELIVER_AFTER": str(SOON)})
    for _ in range(5):
        story.go_on()
    until(is_settled, 60, what="the two have it all delivered")
    assert all(relay.process.poll() is None for relay in relays)
    story.check()


def test_a_message_that_fails_in_the_middle_of_a_batch_holds_back_its_key(level, redis_client):
    take("a", "a1", "bad", "a3")
    take("b", "b1")
    OutboxMessage.objects.filter(payload__contains="bad").update(headers="not json")
    relay = relay_to(CeleryTransport(), order=level)
    relay.drain()
    went = ["a1", "b1"] if level != "none" else ["a1", "a3", "b1"]
    assert sorted(names_on_the_wire(redis_client)) == went
    take("a", "a4")
    OutboxMessage.objects.update(headers="{}", due_at="2000-01-01T00:00Z")
    Hold.objects.update(until="2000-01-01T00:00Z")
    relay.drain()
    rest = ["bad", "a3", "a4"] if level != "none" else ["bad", "a4"]
    assert names_on_the_wire(redis_client)[len(went) :] == rest
    assert not Hold.objects.exists()


def test_a_message_that_is_given_up_lets_its_key_go_on_or_where_order_is_strict_stops_it(level, redis_client):
    take("a", "a1", "bad", "a3")
    OutboxMessage.objects.filter(payload__contains="bad").update(headers="not json", attempts=7)
    relay = relay_to(CeleryTransport(), order=level)
    relay.drain()
    relay.drain()
    assert DeadLetter.objects.get().error_class == "CannotRead"
    assert names_on_the_wire(redis_client) == (["a1"] if level == "strict" else ["a1", "a3"])
    assert is_all_there(3)
    assert PublishedMessage.objects.count() == (1 if level == "strict" else 2)
