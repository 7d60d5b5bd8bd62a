"""What the test kit says of schedules, and that time which passes makes them tick."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sagas.models import Schedule
from sagas.testing import schedules_look, ticks_between, time_passes
from tests.support.sagas.nightly import at, declared, keys

pytestmark = pytest.mark.django_db(transaction=True)


def test_which_ticks_there_would_be():
    with declared(cron="30 2 * * *", timezone="Europe/Berlin") as schedule:
        found = ticks_between(schedule, at("03-28 12:00"), at("03-30 12:00"))
    assert [f"{one:%d %H:%M}" for one in found] == ["29 03:00", "30 02:30"]


def test_time_that_passes_makes_schedules_tick_each_once():
    with declared(cron="0 3 * * *", overlap="start"):
        assert schedules_look() == 0
        for _ in range(3):
            time_passes(timedelta(days=1))
            assert schedules_look() == 1
            assert schedules_look() == 0
        assert len(set(keys())) == 3
        assert Schedule.objects.count() == 1
