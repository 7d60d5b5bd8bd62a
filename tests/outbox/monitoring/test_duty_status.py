"""Who watches is told who does not do their duty, and what waits for them: by one list, wherever it is read."""

import os
import signal
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError

from config.celery import app
from outbox import sql
from outbox.heartbeats import heartbeat, missed
from outbox.heartbeats.duties import DUTIES, Duty
from outbox.models import Heartbeat
from outbox.monitoring import duty_status
from outbox.schedule import row
from sagas.maintenance import duties as engine
from sagas.models import Breaker, Run
from tests.support.workers import until

NIGHTLY = "tests.nightly"
pytestmark = pytest.mark.django_db(transaction=True)
OFTEN = {"TEST_HEARTBEAT_EVERY": "0.5"}  # seconds


@pytest.fixture(autouse=True)
def _nothing_left_yet():
    heartbeat.forget_all()


def silent(name: str, span: timedelta) -> None:
    """It finished that long ago, and not since."""
    sql.leave_heartbeat(name, None, "")
    Heartbeat.objects.filter(pk=name).update(ended_at=timezone.now() - span)


def state(name: str) -> str:
    return next(one.state for one in duty_status.read_report().duties if one.duty.name == name)


def test_a_frozen_beat_is_told_within_the_limit_wherever_somebody_looks(
    programs, worker, client, admin_client, settings
):
    """With relays that need no beat the outbox moves on; nobody rings what is overdue."""
    settings.OUTBOX_HEALTHY = {"beat": 4, "sagas.sweep": 4, "outbox.relay": 10}
    programs.start("relay", ["manage.py", "relay"], OFTEN)
    worker("upkeep", env=OFTEN)
    beat = programs.start("beat", ["-m", "celery", "-A", "config", "beat"], OFTEN)
    until(lambda: state("beat") == state("sagas.sweep") == state("outbox.relay") == "ok", 60, what="all run")
    assert client.get("/healthz").status_code == 200
    os.killpg(beat.process.pid, signal.SIGSTOP)
    until(lambda: client.get("/healthz").status_code == 503, 30, what="/healthz turns")
    until(lambda: state("sagas.sweep") == "late", 10)
    told = client.get("/healthz").json()["outbox"]
    states = {name: told["duties"][name]["state"] for name in ("beat", "sagas.sweep", "outbox.relay")}
    assert states == {"beat": "late", "sagas.sweep": "late", "outbox.relay": "ok"}
    err = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("outbox", "status", stdout=StringIO(), stderr=err)
    assert "sagas.sweep rings runs that are overdue" in err.getvalue()
    assert "Nothing sends it: beat has been silent for" in err.getvalue()
    assert "Nothing sends it: beat has been silent for" in admin_client.get("/admin/").content.decode()
    os.killpg(beat.process.pid, signal.SIGCONT)
    until(lambda: client.get("/healthz").status_code == 200, 30, what="/healthz returns")
    beat.kill()


def test_every_duty_has_a_heartbeat_of_its_own_and_each_task_of_beat_is_a_duty():
    sent = {entry["task"] for entry in project.CELERY_BEAT_SCHEDULE.values()}
    assert sent == {one.name for one in DUTIES.values() if one.is_task} | {"outbox.relay"}


def test_a_duty_that_is_silent_for_longer_than_is_healthy_says_why():
    silent("sagas.prune", timedelta(minutes=75))
    assert state("sagas.prune") == "ok", "missed, and asked for before it is an alarm"
    silent("sagas.prune", timedelta(minutes=85))
    sql.leave_heartbeat("beat", None, "")
    (told,) = duty_status.read_report().stalls
    assert "sagas.prune removes runs that ended long ago, and has not finished for 1 h 25 min" in told
    assert "at most 1 h 20 min is healthy. Beat runs: does a worker take this task's queue?" in told
    heartbeat.failed("sagas.prune", ValueError("no folder"))
    assert "It fails: ValueError: no folder" in duty_status.read_report().stalls[0]


def test_a_limit_is_a_projects_to_set_or_to_take_away(settings):
    silent("sagas.bulk", timedelta(minutes=5))
    assert state("sagas.bulk") == "late"
    settings.OUTBOX_HEALTHY = {"sagas.bulk": 600}
    assert state("sagas.bulk") == "ok"
    settings.OUTBOX_HEALTHY = {"sagas.bulk": None}
    assert state("sagas.bulk") == "off"
    assert duty_status.read_report().alarms == []


def test_a_clock_that_is_off_is_an_alarm_and_no_stall(monkeypatch):
    from time import time

    monkeypatch.setattr("outbox.sql.heartbeats.time.time", lambda: time() - 30)
    sql.leave_heartbeat("beat", None, "")
    (told,) = duty_status.read_report().alarms
    assert "which does beat, is 30 s behind the database's" in told
    assert duty_status.read_report().stalls == []


def test_a_consumer_that_ran_once_is_waited_for_until_somebody_says_otherwise():
    name = "consume orders/billing"
    silent(name, timedelta(minutes=2))
    (told,) = duty_status.read_report().stalls
    assert f"Does its `manage.py consume` run? If it is not needed: `manage.py outbox forget '{name}'`." in told
    call_command("outbox", "forget", name, stdout=StringIO())
    assert duty_status.read_report().stalls == []
    with pytest.raises(CommandError, match="No duty is named consume"):
        call_command("outbox", "forget", name)
    with pytest.raises(CommandError, match=r"sagas\.sweep is a duty of this project"):
        call_command("outbox", "forget", "sagas.sweep")


def test_a_run_that_is_overdue_and_one_that_may_come_back_have_an_age():
    now = timezone.now()
    asked = {"name": "test", "version": 1, "input": {}, "created_at": now, "updated_at": now}
    assert (engine.overdue(), engine.untaken(), engine.returning()) == (None, None, None)
    Run.objects.create(key="a", wake_at=now - timedelta(minutes=3), **asked)
    Run.objects.create(key="b", wake_at=now - timedelta(minutes=9), paused_at=now, **asked)
    Run.objects.create(key="c", waits_for="warehouse", **asked)
    Run.objects.create(key="d", ready_at=now - timedelta(minutes=6), **asked)
    Run.objects.create(key="e", ready_at=now - timedelta(minutes=9), paused_at=now, **asked)
    away = Breaker.objects.create(name="warehouse", state="open", opened_at=now, open_until=None)
    assert engine.untaken() == pytest.approx(timedelta(minutes=6), abs=timedelta(seconds=30))
    assert engine.overdue() == pytest.approx(timedelta(minutes=3), abs=timedelta(seconds=30))
    assert engine.returning() is None, "held by a person"
    for state, since in ({"state": "open", "open_until": 4}, 4), ({"state": "closed", "updated_at": 5}, 5):
        given = {
            name: now - timedelta(minutes=value) if isinstance(value, int) else value for name, value in state.items()
        }
        Breaker.objects.filter(pk=away.pk).update(**given)
        assert engine.returning() == pytest.approx(timedelta(minutes=since), abs=timedelta(seconds=30))
    told = duty_status.read_report().stalls
    assert any("A run that is overdue has waited for 3 min" in one for one in told)
    assert any("A run whose participant may be asked again has waited for 5 min" in one for one in told)
    Breaker.objects.filter(pk=away.pk).update(state="open", open_until=now + timedelta(minutes=1))
    assert engine.returning() is None, "it is not their time yet"


@pytest.fixture
def asked_for(monkeypatch, settings):
    """Of a duty that is done once a day, by a task."""
    settings.CELERY_BEAT_SCHEDULE = {**settings.CELERY_BEAT_SCHEDULE, "each-night": row(NIGHTLY, timedelta(days=1))}
    monkeypatch.setitem(DUTIES, NIGHTLY, Duty(NIGHTLY, timedelta(days=1), "is done each night"))
    sent: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **_: sent.append(name))
    return sent


def test_a_nightly_duty_that_was_missed_is_asked_for_once_and_says_that_it_ran_late(asked_for, caplog):
    silent(NIGHTLY, timedelta(hours=24, minutes=30))
    missed.request_runs()
    assert asked_for == [], "it may come yet"
    silent(NIGHTLY, timedelta(hours=26))
    missed.request_runs()
    missed.request_runs()
    assert asked_for == [NIGHTLY]
    sql.register_duties(list(DUTIES))
    heartbeat.finished(NIGHTLY, differences=2)
    assert "A duty that was missed ran late" in caplog.text
    words = next(one.words for one in duty_status.read_report().duties if one.duty.name == NIGHTLY)
    assert "2 differences, ran late on" in words
    assert "when it had not for 1 d 2 h" in words


def test_what_the_broker_refuses_is_asked_for_again(monkeypatch, asked_for):
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("out of memory")

    silent(NIGHTLY, timedelta(hours=26))
    with monkeypatch.context() as broken:
        broken.setattr(app, "send_task", refuse)
        assert missed.request_runs() == 0
    assert missed.request_runs() == 1
    assert asked_for == [NIGHTLY]


def test_what_somebody_switched_off_is_neither_late_nor_asked_for(asked_for):
    from django_celery_beat.models import IntervalSchedule

    each_hour = IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.create(name="books", task=NIGHTLY, interval=each_hour, enabled=False)
    silent(NIGHTLY, timedelta(days=3))
    assert missed.request_runs() == 0
    assert state(NIGHTLY) == "off"
    assert duty_status.read_report().stalls == []
    PeriodicTask.objects.update(enabled=True)
    assert missed.request_runs() == 1
