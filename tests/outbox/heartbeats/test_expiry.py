"""Beat's ticks expire, with either scheduler, and so late that no clock decides whether they count."""

from datetime import timedelta

import pytest
from celery.beat import Scheduler
from django.conf import settings as project
from django.db import OperationalError
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config.celery import app
from config.scheduler import Scheduler as OurScheduler
from outbox import checks, sql
from outbox.checks.expiry import SHORTEST
from outbox.heartbeats.beat import SparingScheduler
from outbox.heartbeats.duties import DUTIES
from outbox.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = {"task": "outbox.relay", "schedule": 1}
IN_DATABASE = "django_celery_beat.schedulers:DatabaseScheduler"


@pytest.mark.parametrize("scheduler", [OurScheduler, Scheduler])
def test_every_row_of_a_duty_carries_an_expiry_to_the_broker(scheduler):
    """As beat itself reads the settings."""
    beat = scheduler(app=app, schedule={}, lazy=True)
    beat.update_from_dict(project.CELERY_BEAT_SCHEDULE)
    entries = beat.all_as_schedule() if scheduler is OurScheduler else beat.schedule
    found = {entry.task: entry.options.get("expires") for entry in entries.values() if entry.task in DUTIES}
    assert found.keys() == {entry["task"] for entry in project.CELERY_BEAT_SCHEDULE.values()}
    assert all(expires and expires >= SHORTEST.total_seconds() for expires in found.values()), found
    if scheduler is OurScheduler:
        beat._finalize.cancel()  # else it writes the rows when the tests have ended
        assert not PeriodicTask.objects.filter(task__in=DUTIES, expire_seconds=None).exists()


def told() -> list[str]:
    return [str(one.id) for one in checks.check_expiry()]


def test_the_project_as_it_is_passes():
    assert told() == []


@pytest.mark.parametrize(
    ("scheduler", "options", "expected"),
    [
        ("config.scheduler:Scheduler", {"expires": 60}, ["outbox.W020"]),
        (IN_DATABASE, {}, ["outbox.W020"]),
        (IN_DATABASE, {"expires": 60}, ["outbox.W020"]),
        (IN_DATABASE, {"expire_seconds": 60}, []),
        (IN_DATABASE, {"expire_seconds": 1}, ["outbox.W021"]),
        ("celery.beat:PersistentScheduler", {"expire_seconds": 60}, ["outbox.W020"]),
        ("celery.beat:PersistentScheduler", {"expires": 60}, []),
        ("celery.beat:PersistentScheduler", {"expires": 1}, ["outbox.W021"]),
    ],
)
def test_a_row_without_an_expiry_that_its_scheduler_reads_is_told(settings, scheduler, options, expected):
    settings.CELERY_BEAT_SCHEDULER = scheduler
    settings.CELERY_BEAT_SCHEDULE = {"relay": {**SECOND, "options": options}}
    assert told() == expected


def test_what_is_dropped_in_silence_is_named(settings):
    settings.CELERY_BEAT_SCHEDULE = {"relay": {**SECOND, "options": {"expires": 60}}}
    (problem,) = checks.check_expiry()
    assert "django-celery-beat drops `expires`" in problem.msg
    assert "outbox.schedule.row" in str(problem.hint)


def test_a_row_that_somebody_made_in_the_admin_is_told_too():
    each_second = IntervalSchedule.objects.create(every=1, period="seconds")
    mine = PeriodicTask.objects.create(name="my own", task="sagas.sweep", interval=each_second)
    (problem,) = checks.check_rows(databases=["default"])
    assert (problem.id, "'my own' never expires" in problem.msg) == ("outbox.W022", True)
    PeriodicTask.objects.filter(pk=mine.pk).update(expire_seconds=60)
    assert checks.check_rows(databases=["default"]) == []


class Sent(Scheduler):
    """Hands nothing on; what it would have."""

    def apply_entry(self, entry, producer=None):
        self.__dict__.setdefault("sent", []).append(entry.task)


class Careful(SparingScheduler, Sent):
    pass


def test_while_nobody_does_a_duty_one_tick_waits_and_no_more(monkeypatch):
    """Redis keeps what has expired: an hour without a worker would fill it."""
    monkeypatch.setattr("outbox.heartbeats.beat.LOOK", -1)
    beat = Careful(app=app, schedule={}, lazy=True)
    beat.update_from_dict(project.CELERY_BEAT_SCHEDULE)
    sweep, prune = (
        next(one for one in beat.schedule.values() if one.task == f"sagas.{name}") for name in ("sweep", "prune")
    )

    def ticks(entry) -> int:
        beat.__dict__.pop("sent", None)
        for _ in range(5):
            beat.apply_entry(entry)
        return len(beat.__dict__.get("sent", ()))

    sql.leave_heartbeat("sagas.sweep", None, "")
    assert ticks(sweep) == 5
    Heartbeat.objects.update(ended_at=timezone.now() - timedelta(seconds=61))
    assert ticks(sweep) == 0, "one was sent within the half minute: it waits"
    monkeypatch.setattr(beat, "_sent_at", {})
    assert ticks(sweep) == 1
    assert ticks(prune) == 5, "what runs seldom is sent as ever"
    sql.leave_heartbeat("sagas.sweep", None, "")
    assert ticks(sweep) == 5, "a worker is back"


def test_when_nobody_can_tell_who_does_a_duty_all_ticks_are_sent(monkeypatch):
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("outbox.heartbeats.beat.LOOK", -1)
    monkeypatch.setattr(sql, "heartbeats_of", away)
    beat = Careful(app=app, schedule={}, lazy=True)
    beat.update_from_dict({"sweep": {"task": "sagas.sweep", "schedule": 1}})
    for _ in range(3):
        beat.apply_entry(beat.schedule["sweep"])
    assert len(beat.__dict__["sent"]) == 3
