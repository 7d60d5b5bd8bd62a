"""Each duty leaves a heartbeat when it finishes, with what it found; and it costs next to nothing."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from outbox import sql
from outbox.heartbeats import heartbeat
from outbox.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_left_yet():
    heartbeat.forget_all()


def left(name: str) -> Heartbeat:
    return Heartbeat.objects.get(pk=name)


def test_what_is_found_between_two_heartbeats_is_told_by_the_next(settings):
    heartbeat.finished("test.duty", runs_rung=1)
    assert left("test.duty").found == "1 runs rung"
    first = left("test.duty").ended_at
    heartbeat.finished("test.duty", runs_rung=2)
    heartbeat.finished("test.duty", runs_rung=3)
    assert left("test.duty").ended_at == first, "five seconds have not passed: no statement"
    settings.OUTBOX_HEARTBEAT_EVERY = 0
    heartbeat.finished("test.duty")
    assert left("test.duty").found == "5 runs rung"


def test_a_duty_that_fails_says_why_and_when_it_last_finished_stays(settings):
    settings.OUTBOX_HEARTBEAT_EVERY = 0
    works = [True, False, True]

    @heartbeat.leaves("test.duty", "things done")
    def duty() -> int:
        if works.pop(0):
            return 4
        raise ValueError("no\0way")

    assert duty() == 4
    ended = left("test.duty").ended_at
    with pytest.raises(ValueError, match="no"):
        duty()
    assert (left("test.duty").ended_at, left("test.duty").error) == (ended, "ValueError: noway")
    assert left("test.duty").failed_at is not None
    duty()
    assert (left("test.duty").failed_at, left("test.duty").error) == (None, "")


def test_a_heart_that_cannot_beat_fails_no_duty(monkeypatch, caplog):
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(sql, "leave_heartbeat", away)
    heartbeat.finished("test.duty")
    assert "A heartbeat could not be left" in caplog.text


def test_a_thousand_heartbeats_are_one_row_in_its_place():
    """HOT: no entry is added to the index, and the page is cleaned by the next update."""
    heartbeat.finished("test.duty")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('outbox_heartbeat'), pg_indexes_size('outbox_heartbeat')")
        before = cursor.fetchone()
        for _ in range(1000):
            sql.leave_heartbeat("test.duty", 0.1, "")
        cursor.execute("SELECT pg_relation_size('outbox_heartbeat'), pg_indexes_size('outbox_heartbeat')")
        assert cursor.fetchone() == before


def test_the_clock_of_who_leaves_it_is_compared_with_the_databases(monkeypatch):
    sql.leave_heartbeat("test.duty", None, "")
    assert left("test.duty").skew == pytest.approx(0, abs=2)
    from time import time

    monkeypatch.setattr("outbox.sql.heartbeats.time.time", lambda: time() - 30)
    sql.leave_heartbeat("test.duty", None, "")
    assert left("test.duty").skew == pytest.approx(-30, abs=2)


def test_a_run_that_was_asked_for_and_came_says_how_late():
    sql.register_duties(["test.duty"])
    assert not sql.request_run("test.duty", timedelta(hours=1), timedelta(hours=1)), "it is not missed"
    sql.leave_heartbeat("test.duty", None, "")
    assert not sql.request_run("test.duty", timedelta(hours=1), timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_heartbeat SET ended_at = ended_at - interval '25 hours'")
    assert sql.request_run("test.duty", timedelta(hours=1), timedelta(hours=1))
    assert not sql.request_run("test.duty", timedelta(hours=1), timedelta(hours=1)), "somebody has just asked"
    assert (sql.leave_heartbeat("test.duty", None, "") or timedelta(0)) > timedelta(hours=24)
    assert (left("test.duty").late_for or timedelta(0)) > timedelta(hours=24)
    assert sql.leave_heartbeat("test.duty", None, "") is None, "the next is in time again"
    assert (left("test.duty").late_for or timedelta(0)) > timedelta(hours=24)
