"""Beat's ticks expire, with either scheduler, and so late that no clock decides whether they count."""

import pytest
from celery.beat import Scheduler
from django.conf import settings as project
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from config.celery import app
from outbox import checks
from outbox.checks.expiry import SHORTEST
from outbox.duties import DUTIES

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = {"task": "outbox.relay", "schedule": 1}
IN_DATABASE = "django_celery_beat.schedulers:DatabaseScheduler"


@pytest.mark.parametrize("scheduler", [DatabaseScheduler, Scheduler])
def test_every_row_of_a_duty_carries_an_expiry_to_the_broker(scheduler, tmp_path):
    """As beat itself reads the settings."""
    beat = scheduler(app=app, schedule={}, lazy=True)
    beat.setup_schedule()
    if scheduler is Scheduler:
        beat.update_from_dict(project.CELERY_BEAT_SCHEDULE)
    entries = beat.all_as_schedule() if scheduler is DatabaseScheduler else beat.schedule
    found = {entry.task: entry.options.get("expires") for entry in entries.values() if entry.task in DUTIES}
    # A nightly row is fetched by the database's scheduler only within two hours of its time.
    assert found.keys() | {"orders.reconcile"} == {entry["task"] for entry in project.CELERY_BEAT_SCHEDULE.values()}
    assert all(expires and expires >= SHORTEST.total_seconds() for expires in found.values()), found
    if scheduler is DatabaseScheduler:
        assert not PeriodicTask.objects.filter(task__in=DUTIES, expire_seconds=None).exists()


def told() -> list[str]:
    return [str(one.id) for one in checks.check_expiry()]


def test_the_project_as_it_is_passes():
    assert told() == []


@pytest.mark.parametrize(
    ("scheduler", "options", "expected"),
    [
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
