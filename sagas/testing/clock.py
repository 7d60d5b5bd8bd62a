"""Time, as the engine sees it. Its clock is PostgreSQL's, which no test can set."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.apps import apps
from django.db import connection, transaction
from django.db.models import DateTimeField, F

APPS = ("sagas", "outbox")


def time_passes(delta: timedelta) -> None:
    """Let `delta` pass: every time that sagas and outbox have stored moves that far into the past.

    So leases run out, retries become due and deadlines pass, for all runs in the test's database. Your own tables and
    Python's clock stay as they are.
    """
    models = [model for label in APPS for model in apps.get_app_config(label).get_models()]
    with transaction.atomic():
        for model in models:
            times = [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]
            if times:
                model._default_manager.update(**{name: F(name) - delta for name in times})


def until_claimable(run_id: UUID) -> timedelta:
    """How long until the run's current step can be taken: its wait, or the lease of whoever has it. Zero: now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(s.next_attempt_at, s.lease_until) - clock_timestamp() "
            "FROM saga_run r JOIN saga_step s ON s.run_id = r.id AND s.position = r.position WHERE r.id = %s",
            [run_id],
        )
        return _ahead(cursor.fetchone())


def until_sweep(run_id: UUID) -> timedelta:
    """How long until the sweep looks at the run again. Zero: now, or never."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT wake_at - clock_timestamp() FROM saga_run WHERE id = %s", [run_id])
        return _ahead(cursor.fetchone())


def _ahead(row: tuple[timedelta | None] | None) -> timedelta:
    ahead = row[0] if row is not None else None
    return max(ahead, timedelta(0)) if ahead is not None else timedelta(0)
