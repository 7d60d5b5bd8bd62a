"""Lets time pass for the engine. Its clock is PostgreSQL's, which no test can set."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.apps import apps
from django.db import connection, transaction
from django.db.models import DateTimeField, F

from sagas.declare import schedule_registry
from sagas.models import Run, ScheduleTick
from sagas.settings import saga_settings

APPS = ("sagas", "outbox")


def time_passes(delta: timedelta) -> None:
    """Let `delta` pass: move every time in the tables of sagas and outbox that far into the past.

    So leases end, retries become due, deadlines pass and schedules tick, for all in the test's database. Your own
    tables and Python's clock do not change.
    """
    models = [model for label in APPS for model in apps.get_app_config(label).get_models()]
    with transaction.atomic():
        for model in models:
            times = [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]
            if times:
                model._default_manager.update(**{name: F(name) - delta for name in times})
        _keep_keys_of_ticks()


def _keep_keys_of_ticks() -> None:
    """A tick is the key of its run, also after it has moved; the earliest first, so that none meets another."""
    for tick in ScheduleTick.objects.filter(run__isnull=False).exclude(kind="by_hand").order_by("at"):
        if (schedule := schedule_registry.find(tick.schedule_id)) is not None:
            Run.objects.filter(pk__in=[tick.run]).update(key=schedule.key_of(tick.at))


def until_claimable(run_id: UUID) -> timedelta:
    """How long until a worker can claim the run's current step, after its wait or its lease; zero: now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(s.next_attempt_at, s.lease_until) - clock_timestamp() "
            "FROM saga_run r JOIN saga_step s ON s.run_id = r.id AND s.position = r.position WHERE r.id = %s",
            [run_id],
        )
        return _ahead(cursor.fetchone())


def until_sweep(run_id: UUID) -> timedelta:
    """How long until the sweep restarts the run; zero: now, or never."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least(wake_at, ready_at + make_interval(secs => %s)) - clock_timestamp() "
            "FROM saga_run WHERE id = %s",
            [saga_settings.PATIENCE.total_seconds(), run_id],
        )
        return _ahead(cursor.fetchone())


def _ahead(row: tuple[timedelta | None] | None) -> timedelta:
    ahead = row[0] if row is not None else None
    return max(ahead, timedelta(0)) if ahead is not None else timedelta(0)
