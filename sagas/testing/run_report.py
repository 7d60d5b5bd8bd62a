"""The story of a run as text, which a failed test prints."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from sagas.models import Run
from sagas.presentation.timeline import Entry, timeline


def story(run: Run) -> str:
    """The run's timeline, a line per entry: seconds since the start, the badge, what happened."""
    entries = timeline(run, list(run.steps.all()), list(run.attempts.all()), list(run.acts.all()), _now())
    head = f"{run.name} {run.key}: {run.get_status_display()}{f' ({run.code})' if run.code else ''}"
    return "\n".join([head, *(_line(entry, run.created_at) for entry in entries)])


def _line(entry: Entry, start: datetime) -> str:
    words = ". ".join(filter(None, [entry.title, entry.text]))
    return f"  {(entry.at - start).total_seconds():8.1f} s  {entry.badge.text}: {words}"


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    now: datetime = row[0]
    return now
