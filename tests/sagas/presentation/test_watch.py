"""One list of lights, wherever somebody looks: what stands still, what it means, and what to do."""

from __future__ import annotations

import io
import json
import os
import signal
import time

import pytest
import redis
from django.conf import settings
from django.core.management import call_command

from outbox.transports import queue_depths
from outbox.transports.queue_depths import BrokerAway
from sagas.presentation import watch
from sagas.presentation.watch import Light
from tests.support.outbox.workforce import A_MINUTE, fell_silent, have_waited, says, waits_in
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_broker(programs):
    """An empty Redis database."""


def lights() -> dict[str, Light]:
    return {light.name: light for light in watch.read().lights}


def status(*options: str) -> tuple[str, int]:
    """What `saga status` prints, and its exit code."""
    out = io.StringIO()
    try:
        call_command("saga", "status", *options, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


def test_a_frozen_worker_is_seen_within_thirty_seconds_wherever_somebody_looks(worker, client, admin_client):
    """Twenty messages wait behind it, and nothing else is wrong."""
    program = worker("sagas", "events")
    until(lambda: client.get("/healthz").json()["workers"]["states"] == {"alive": 1}, 20)
    assert lights() == {}
    assert status()[1] == 0
    os.killpg(program.process.pid, signal.SIGSTOP)
    frozen_at = time.monotonic()
    waits_in("sagas", 20)
    until(lambda: "worker.frozen" in lights(), 30, what="it is seen")
    took = time.monotonic() - frozen_at
    light = lights()["worker.frozen"]
    assert (light.tone, light.title) == ("bad", "1 worker is frozen")
    assert "takes events, sagas" in light.means
    assert "SIGKILL" in light.do
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert "1 worker is frozen" in answer.json()["workers"]["lights"]
    assert "@test" not in answer.content.decode(), "the answer is public"
    page = admin_client.get("/admin/").content.decode()
    assert "1 worker is frozen" in page
    assert "Nobody works the queue sagas" in page
    text, code = status()
    assert code == 1
    assert "! 1 worker is frozen" in text
    assert took <= 30
    os.killpg(program.process.pid, signal.SIGCONT)
    until(lambda: not lights(), 30, what="all is well again")
    assert client.get("/healthz").status_code == 200


def test_a_queue_that_nobody_works_is_yellow_while_a_worker_may_be_on_its_way_and_then_red():
    says(queues=("sagas",))
    waits_in("events", 2)
    light = lights()["queue.unattended.events"]
    assert (light.tone, light.title) == ("wait", "Nobody works the queue events")
    have_waited()
    light = lights()["queue.unattended.events"]
    assert light.tone == "bad"
    assert "2 messages wait, the oldest for an unknown time, at least 1 min" in light.means
    assert "--queues events" in light.do


def test_a_message_that_says_when_it_was_sent_makes_its_queue_late_at_the_first_look():
    says(busy=4)
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        broker.lpush("events", json.dumps({"headers": {"sent_at": time.time() - 600}}))
    light = lights()["queue.behind.events"]
    assert "1 message waits, the oldest for 10 min" in light.means
    text, _ = status()
    assert "1 messages wait, the oldest for 10 min" in text
    (events,) = (one for one in json.loads(status("--json")[0])["queues"] if one["name"] == "events")
    assert events["oldest_seconds"] >= 600


def test_workers_that_are_too_few_are_no_fault_of_theirs():
    says(busy=4)
    waits_in("events")
    watch.read()
    have_waited(3 * A_MINUTE)
    assert [(light.name, light.tone) for light in lights().values()] == [("queue.behind.events", "wait")]
    assert status()[1] == 0


def test_a_lost_worker_is_yellow_and_ends_no_health_check(client):
    says("pod-1@host")
    says("pod-2@host")
    fell_silent("pod-1@host", session=2_000_000_000)
    assert (lights()["worker.lost"].tone, lights()["worker.lost"].title) == ("wait", "1 worker is lost")
    assert client.get("/healthz").status_code == 200


def test_many_workers_of_a_state_are_one_light_and_the_releases_are_counted():
    for number in range(3):
        says(f"worker-{number}@host", release="1.4")
    says("old@host", release="1.3")
    for number in range(2):
        says(f"deaf-{number}@host", is_connected=False)
    assert lights()["worker.cut_off"].title == "2 workers are cut off from the broker"
    assert watch.read().releases == "1 of 1.3, 3 of 1.4"


def test_a_broker_that_is_away_is_a_light_and_the_page_still_opens(admin_client, monkeypatch):
    def away(_queues):
        raise BrokerAway("Connection refused")

    monkeypatch.setattr(queue_depths, "read", away)
    assert lights()["broker.away"].tone == "bad"
    page = admin_client.get("/admin/")
    assert page.status_code == 200
    assert "The broker does not answer" in page.content.decode()


def test_a_duty_that_is_not_done_and_a_message_that_waits_are_lights_of_the_same_list():
    from outbox import sql
    from outbox.models import Heartbeat

    sql.leave_heartbeat("sagas.sweep", None, "")
    Heartbeat.objects.update(ended_at="2026-01-01T00:00:00Z", since="2026-01-01T00:00:00Z")
    light = lights()["duty.sagas.sweep"]
    assert light.tone == "bad"
    assert light.means.startswith("sagas.sweep rings runs that are overdue")
    assert light.do


def test_the_status_is_told_to_programs(client):
    says()
    waits_in("events")
    text, _ = status("--json")
    told = json.loads(text)
    (worker,) = told["workers"]
    assert (worker["name"], worker["state"], worker["release"]) == ("worker@host-7", "alive", "1.4")
    assert {one["name"]: one["messages"] for one in told["queues"]}["events"] == 1
    assert told["ok"] is True
