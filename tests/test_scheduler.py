"""Beat outlives a lost PostgreSQL and a row that it cannot read."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django_celery_beat.models import PeriodicTask, SolarSchedule

from config.celery import app
from config.scheduler import LONGEST, Scheduler

pytestmark = pytest.mark.django_db(transaction=True)


class Silent(Scheduler):
    """Notes what it would send."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finalize.cancel()  # else it writes its rows when the tests have ended

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.sent = [*getattr(self, "sent", []), entry.name]

    producer = None


@pytest.fixture
def away(monkeypatch):
    """`away(True)`: PostgreSQL takes no connection and has closed ours; `away(False)`: it is back."""
    connect = DatabaseWrapper.get_new_connection

    def refuse(_self, _parameters):
        raise OperationalError("the database system is starting up")

    def switch(is_away: bool) -> None:
        monkeypatch.setattr(DatabaseWrapper, "get_new_connection", refuse if is_away else connect)
        if is_away:
            connection.close()

    yield switch
    switch(False)


def test_a_database_away_as_beat_starts_is_waited_for_with_growing_pauses(away):
    away(True)
    scheduler = Silent(app=app)
    assert [scheduler.tick() for _ in range(6)] == [0.5, 1, 2, 4, LONGEST, LONGEST]
    away(False)
    scheduler.tick()
    assert set(app.conf.beat_schedule) <= set(scheduler.schedule)
    assert PeriodicTask.objects.filter(name__in=app.conf.beat_schedule).count() == len(app.conf.beat_schedule)


def test_a_database_lost_at_any_statement_of_a_tick_costs_pauses_and_no_entry(away, monkeypatch):
    scheduler = Silent(app=app)
    scheduler.tick()
    # The library leaves out a row with a time of day while that is hours away.
    names = {name for name, entry in scheduler.schedule.items() if entry.model.interval_id}
    assert names
    for method in ("schedule_changed", "sync", "all_as_schedule", "populate_heap"):
        PeriodicTask.objects.first().save()  # the table has changed: it is read again
        with monkeypatch.context() as patch:

            def lose(*_arguments: object, **_options: object) -> None:
                away(True)
                connection.ensure_connection()

            patch.setattr(scheduler, method, lose)
            assert scheduler.tick() == 0.5, method
        away(False)
        scheduler.tick()
        assert names <= set(scheduler.schedule), method
        heap: list[Any] = scheduler._heap or []
        assert names <= {event[2].name for event in heap}, method


def test_a_row_that_cannot_be_read_is_told_and_left_out(caplog):
    sun = SolarSchedule.objects.create(event="sunrise", latitude=60, longitude=10)
    PeriodicTask.objects.create(name="at-sunrise", task="outbox.prune", solar=sun)
    scheduler = Silent(app=app)
    scheduler.tick()
    assert set(app.conf.beat_schedule) <= set(scheduler.schedule)
    assert "at-sunrise" not in scheduler.schedule
    assert {record.entry for record in caplog.records if record.msg == "beat.unreadable_entry"} == {"at-sunrise"}


def test_the_admin_offers_no_kind_of_schedule_whose_package_is_missing(admin_client):
    page = admin_client.get("/admin/django_celery_beat/periodictask/add/").content.decode()
    assert "id_crontab" in page
    assert "id_solar" not in page
    assert "from the settings again" in page
    assert admin_client.get("/admin/django_celery_beat/solarschedule/").status_code == 404


def test_a_start_of_beat_keeps_enabled_and_writes_the_rest_from_the_settings():
    name = "every-hour-prune-the-outbox"
    Silent(app=app).tick()
    PeriodicTask.objects.filter(name=name).update(enabled=False, task="else.where")
    Silent(app=app).tick()
    row = PeriodicTask.objects.get(name=name)
    assert (row.enabled, row.task) == (False, "outbox.prune")
