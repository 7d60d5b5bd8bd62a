"""PostgreSQL's clock, by which the engine's times are set; and its locks."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from sagas.models import Run, Step

LONG_AGO = "2020-01-01T00:00:00Z"


def woken_in(run_id: UUID) -> float:
    """In how many seconds somebody must look at the run again."""
    seconds = looked_at_in(run_id)
    assert seconds is not None, "nobody will ever look at it"
    return seconds


def looked_at_in(run_id: UUID) -> float | None:
    """In how many seconds somebody must look at the run again; None when nobody will."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM wake_at - clock_timestamp()) FROM saga_run WHERE id = %s", [run_id])
        seconds = cursor.fetchone()[0]
    return None if seconds is None else float(seconds)


def let_the_lease_run_out(name: str) -> None:
    Step.objects.filter(name=name).update(lease_until=LONG_AGO)


def pass_the_deadline() -> None:
    Run.objects.update(deadline_at=LONG_AGO)


def someone_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction the first reading is kept
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
