"""Which state a worker is in follows from its last sign, its session, and what waits in its queues."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from outbox.maintenance.prune import prune
from outbox.models import WorkerProcess
from outbox.monitoring import queues, workers
from outbox.transports import queue_depths
from outbox.transports.queue_depths import BrokerAway
from tests.support.outbox.workforce import fell_silent, have_waited, says, waits_in

pytestmark = pytest.mark.django_db(transaction=True)
NOBODYS = 2_000_000_000  # no session of PostgreSQL's has this number


@pytest.fixture(autouse=True)
def _empty_broker(programs):
    """An empty Redis database."""


def state(name: str = "worker@host-7") -> str:
    return next((one.state for one in queues.read().workers if one.row.name == name), "")


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        ({}, "alive"),
        ({"busy": 4}, "alive"),
        ({"is_ending": True}, "ending"),
        ({"is_connected": False, "loop_silent": 30.0}, "cut off"),
        ({"loop_silent": 30.0}, "frozen"),
        ({"loop_silent": 30.0, "busy": 1}, "frozen"),
        ({"loop_silent": 30.0, "busy": 1, "size": 1, "pool": "solo"}, "alive"),
    ],
)
def test_the_state_follows_from_the_last_sign(said, follows):
    says(**said)
    assert state() == follows


def test_one_that_is_silent_is_frozen_while_its_session_is_open_and_lost_when_it_is_not():
    says()
    fell_silent(span=timedelta(seconds=15))
    assert state() == "alive"
    fell_silent(span=timedelta(seconds=21))
    assert state() == "frozen"
    fell_silent(span=timedelta(seconds=21), session=NOBODYS)
    assert state() == "lost"


def test_one_that_said_that_it_ends_and_was_cut_short_is_not_shown():
    says(is_ending=True)
    fell_silent(session=NOBODYS)
    assert state() == ""


def test_limits_follow_the_interval_of_the_signs(settings):
    settings.OUTBOX_HEARTBEAT_EVERY = 10
    says()
    fell_silent(span=timedelta(seconds=35))
    assert state() == "alive"


def test_one_that_is_free_and_takes_nothing_that_waits_is_deaf():
    says(queues=("events", "sagas"))
    waits_in("events")
    assert state() == "alive", "the message was seen for the first time"
    have_waited()
    assert state() == "deaf"


@pytest.mark.parametrize("said", [{"busy": 4}, {"quiet_for": 3.0}, {"queues": ["sagas"]}])
def test_one_that_is_busy_or_has_just_begun_a_task_or_takes_other_queues_is_not_deaf(said):
    says(**said)
    waits_in("events")
    queues.read()
    have_waited()
    assert state() == "alive"


def test_a_queue_that_moves_makes_nobody_deaf():
    """The head changes between two looks, so that nothing has waited for long."""
    from redis import Redis

    says()
    waits_in("events", 2)
    queues.read()
    have_waited()
    from django.conf import settings

    with Redis.from_url(settings.REDIS_URL) as client:
        client.rpop("events")
    assert state() == "alive"
    (events,) = (one for one in queues.read().queues if one.name == "events")
    assert events.depth == 1
    assert events.oldest is None, "nobody said when it was sent"
    assert events.seen is not None
    assert events.seen < timedelta(seconds=10)
    assert events.filled is not None
    assert events.filled > timedelta(seconds=30), "yet it has not been empty"


def test_a_queue_that_is_empty_again_is_forgotten():
    waits_in("events")
    queues.read()
    have_waited()
    from django.conf import settings
    from redis import Redis

    with Redis.from_url(settings.REDIS_URL) as client:
        client.delete("events")
    (events,) = (one for one in queues.read().queues if one.name == "events")
    assert (events.depth, events.oldest, events.seen, events.filled) == (0, None, None, None)


def test_only_workers_that_take_messages_count_for_a_queue():
    says("a@host")
    says("frozen@host")
    says("other@host", queues=("sagas",))
    fell_silent("frozen@host")
    waits_in("events", 3)
    found = {one.name: one for one in queues.read().queues}
    assert (found["events"].depth, found["events"].workers, found["events"].is_unattended) == (3, 1, False)
    WorkerProcess.objects.filter(pk="a@host").delete()
    found = {one.name: one for one in queues.read().queues}
    assert (found["events"].workers, found["events"].is_unattended) == (0, True)
    assert not found["sagas"].is_unattended, "nothing waits in it"


def test_a_broker_that_does_not_answer_is_told_and_the_workers_are_still_known(monkeypatch):
    from config.celery import app

    says()
    monkeypatch.setattr(app.conf, "broker_read_url", "redis://127.0.0.1:1/0")
    with pytest.raises(BrokerAway):
        queue_depths.read(["events"])
    now = queues.read()
    assert now.broker_error
    assert [one.state for one in now.workers] == ["alive"]
    assert now.queues == ()


def test_a_lost_worker_is_forgotten_after_a_day_or_by_hand_and_one_that_ended_after_a_minute():
    for name, span in {"old@host": timedelta(hours=25), "lost@host": timedelta(hours=23)}.items():
        says(name)
        fell_silent(name, span, session=NOBODYS)
    says("ended@host", is_ending=True)
    fell_silent("ended@host", timedelta(minutes=2))
    prune()
    assert [one.row.name for one in workers.read()] == ["lost@host"]
    call_command("outbox", "forget", "lost@host")
    assert workers.read() == []
    with pytest.raises(CommandError, match="nor a worker"):
        call_command("outbox", "forget", "lost@host")
