"""Two beats at once, over two connections, and a worker that is killed at the worst moments: one run a tick."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sagas.models import Run, ScheduleTick
from sagas.models import Schedule as Row
from sagas.schedules.look import look
from sagas.schedules.settle import settle
from tests.concurrency.meanwhile import Meanwhile
from tests.support.sagas.nightly import at, declared, history, keys, looks

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_second_one_that_looks_meanwhile_leaves_at_once_and_there_is_one_run():
    with declared() as schedule:
        looks(look, "05-01 12:00")
        with transaction.atomic():
            assert settle(schedule, at("05-02 03:00")) == 1
            second = Meanwhile(lambda: look(at("05-02 03:00")))
            second.does_not_wait()
            assert (second.raised, second.came) == (None, 0)
        assert looks(look, "05-02 03:00") == 0
    assert history() == [("05-02 03:00", "started")]


def test_two_that_first_see_a_schedule_make_one_row():
    with declared() as schedule:
        with transaction.atomic():
            settle(schedule, at("05-01 12:00"))
            second = Meanwhile(lambda: look(at("05-01 12:00")))
            second.waits()
        second.ends()
        assert second.raised is None
    assert Row.objects.count() == 1


def test_without_the_lock_the_key_still_makes_it_one_run():
    """What is left when somebody restores the row of the schedule from yesterday."""
    with declared():
        looks(look, "05-01 12:00", "05-02 03:00")
        Row.objects.update(settled_until=at("05-01 12:00"), next_at=at("05-02 03:00"))
        ScheduleTick.objects.all().delete()
        looks(look, "05-02 03:00")
    assert len(keys()) == 1
    assert ScheduleTick.objects.get().run == Run.objects.get().pk


DIES = """
import os, signal, sys
import django
django.setup()
from django.db import transaction
from sagas import Schedule
from tests.support.sagas import nightly
from sagas.schedules import settle, look
where = sys.argv[1]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def night(tick):
    if where == "before_the_start":
        die()
    if where == "after_the_commit":
        transaction.on_commit(die)
    return nightly.night(tick)
if where == "before_the_commit":
    settle.move_on = die
with nightly.declared(cron="* * * * *", input=night):
    look.look()
"""


@pytest.mark.parametrize(
    ("where", "left"), [("before_the_start", 0), ("before_the_commit", 0), ("after_the_commit", 1)]
)
def test_a_worker_that_is_killed_leaves_all_of_it_or_nothing_and_the_tick_runs_once(programs, where, left):
    with declared(cron="* * * * *"):
        look()
        Row.objects.update(settled_until=timezone.now() - timedelta(minutes=1))
        Row.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        killed = programs.start(where, ["-c", DIES, where])
        assert killed.process.wait(60) == -signal.SIGKILL, killed.output
        assert Run.objects.filter(name="nightly").count() == left
        row = Row.objects.get()
        tick = next(iter(schedule_ticks(row)))
        look(max(tick, connection_time()))
        assert keys().count(f"nightly:{tick:%Y-%m-%dT%H:%M:%SZ}") == 1
        assert len(keys()) == len(set(keys()))


def schedule_ticks(row: Row):
    from sagas.declare.cron import Cron

    if started := ScheduleTick.objects.order_by("at").values_list("at", flat=True).first():
        return [started]
    return Cron(row.cron, row.timezone).after(row.settled_until)


def connection_time():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
