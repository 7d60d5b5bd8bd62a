"""While somebody holds an old snapshot, the sweep does not read what is dead again each second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from outbox.relay import lookback
from sagas.maintenance import duties, sweep
from sagas.models import Run
from tests.support.buffers import reading
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
DEAD = 3_000
CHURN = f"""
INSERT INTO saga_run (id, name, version, key, subject, input, status, resolution, code, reason, position, pivot,
    wake_at, rings, request_id, traceparent, row_version, created_at, updated_at)
SELECT gen_random_uuid(), 'past', 1, n::text, '', '{{}}', 'running', '', '', '', 0, 1,
       now() - interval '5 min' + random() * interval '1 s', 0, '', '', 1, now(), now()
FROM generate_series(1, {DEAD}) AS n;
UPDATE saga_run SET wake_at = NULL, finished_at = now(), status = 'completed' WHERE name = 'past'
"""


@pytest.fixture
def reader() -> Iterator[Any]:
    """Another session, which has read something and goes on wanting to see it as it was."""
    other: Any = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        yield cursor
    other.close()
    connection.close()  # with what it was told of plans


def look() -> int:
    """The buffers that a sweep and a health check read, and no run is rung."""
    with reading() as seen:
        assert [row for row in sweep._take_overdue() if row[2] == errand.name] == []
        assert duties.overdue() is None
    return seen.buffers()


def test_a_sweep_reads_what_lives_and_finds_what_was_committed_late(world, reader, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)  # statements as they are
    sweep.wake_times.forget()
    run_id = begin(errand, Errand("milk"))
    Run.objects.filter(pk=run_id).update(wake_at=F("created_at") + timedelta(hours=1))  # due only when told below
    with connection.cursor() as cursor:
        cursor.execute(CHURN)
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")  # as for a table of any size
    assert look() > DEAD
    monkeypatch.setattr(lookback, "HELD", 1)
    sweep.wake_times.forget()
    sweep.wake_times.since()
    assert look() < DEAD / 20
    Run.objects.filter(pk=run_id).update(wake_at=F("created_at") - timedelta(hours=1))
    assert look() < DEAD / 20
    sweep.wake_times._check_at = sweep.wake_times._all_at = 0.0
    assert [row[1] for row in sweep._take_overdue()] == [run_id]
    sweep.wake_times.forget()
