"""A wait for a date: of any length, on no message, fixed when it is reached."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from outbox.models import OutboxMessage
from sagas import Saga, desk, sql
from sagas.declare import registry
from sagas.engine.continuation import CONTINUE, STOP
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run, Step, Wait
from sagas.testing import given, time_passes
from tests.support.sagas.clock import LONG_AGO, woken_in
from tests.support.sagas.crossing import Offer, Voyage, crossing, patience
from tests.support.sagas.driver import begin, carry, step_once

from .conftest import IN_A_MONTH, due_at

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def moored():
    """A run that waits for the tide, its last step."""
    run_id = begin(patience, IN_A_MONTH)
    step_once(run_id)
    OutboxMessage.objects.all().delete()
    assert step_once(run_id) is STOP
    return run_id


def test_no_worker_and_no_message_is_held(moored):
    step = Step.objects.get(name="tide")
    assert (step.status, step.token) == ("waiting", None)
    assert not OutboxMessage.objects.exists()
    assert woken_in(moored) == pytest.approx(30 * DAY.total_seconds(), abs=60)


def test_its_date_is_fixed_when_it_is_reached(moored):
    due = due_at()
    time_passes(10 * DAY)
    Step.objects.update(next_attempt_at=None)
    step_once(moored)
    assert due_at() == due - 10 * DAY, "by the clock that was moved, the same date"


def test_it_ends_when_its_date_has_come(moored):
    time_passes(30 * DAY)
    assert step_once(moored) is CONTINUE
    assert Run.objects.get().status == "completed"
    assert Wait.objects.get().over_at is not None


def test_a_date_that_is_past_is_no_wait():
    run_id = begin(crossing, Voyage(datetime(2020, 1, 1, tzinfo=UTC)))
    with transaction.atomic():
        crossing.send("key-1", "supplier_answered", Offer(7), id="s-1")
    assert carry(run_id).status == "completed"
    assert not Wait.objects.filter(kind="timer").exists()


def test_the_words_of_the_declaration_are_the_runs_reason(waiting):
    with transaction.atomic():
        crossing.send("key-1", "supplier_answered", Offer(7), id="s-1")
    step_once(waiting)
    step_once(waiting)
    assert Run.objects.get().reason.startswith(f"sails on {IN_A_MONTH.sails_at:%-d %B}: waits until 20")


def test_a_saga_that_ends_with_a_wait_can_be_cancelled_in_it(moored, log):
    patience.cancel("key-1", reason="No longer wanted.", actor="the customer")
    assert carry(moored).status == "compensated"
    assert log.called == ["moor", "cast_off"]


def test_the_deadline_of_its_run_ends_it(moored):
    Run.objects.update(deadline_at=LONG_AGO)
    assert carry(moored).code == "deadline"


def test_a_pause_does_not_move_the_date(moored, ann):
    due = due_at()
    desk.pause(moored, actor=ann, reason="wait")
    Run.objects.update(paused_at=due_at() - 60 * DAY)
    desk.resume(moored, actor=ann, reason="go on")
    assert due_at() == due


def test_skipped_it_is_over(moored, ann):
    desk.skip(moored, actor=ann, reason="No tide is needed.")
    assert Run.objects.get().status == "completed"
    assert Wait.objects.get().over_at is not None


def test_until_that_is_no_date_with_a_time_zone_asks_a_person():
    saga = Saga[Voyage]("naive", deadline=400 * DAY)
    try:
        saga.wait("naive_date", until=lambda ctx: datetime(2030, 1, 1))  # noqa: DTZ001
        run_id = begin(saga, IN_A_MONTH)
        step_once(run_id)
        run = Run.objects.get()
    finally:
        registry.forget(saga)
    assert run.asks_since is not None
    assert "have it return a datetime with its time zone" in run.reason


@pytest.fixture
def a_thousand():
    """Runs that wait for a date, none of which is due."""
    saga = Saga[Voyage]("many", deadline=400 * DAY)
    try:
        saga.wait("long", for_=30 * DAY)
        step_once(begin(saga, IN_A_MONTH))
    finally:
        registry.forget(saga)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = "
            "'saga_run'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('id', 'key', 'wake_at')"
        )
        columns = cursor.fetchone()[0]
        cursor.execute(
            f"INSERT INTO saga_run (id, key, wake_at, {columns}) SELECT gen_random_uuid(), 'k' || n, "
            f"wake_at + n * interval '1 s', {columns} FROM saga_run, generate_series(1, 999) n"
        )
        cursor.execute("ANALYZE saga_run")
    return Run.objects.filter(wake_at__isnull=False)


def test_a_thousand_runs_that_wait_cost_the_sweep_no_row(a_thousand):
    assert a_thousand.count() == 1000
    with connection.cursor() as cursor:
        given = {"patience": 10, "since": None, "passed": None, "batch": 500}
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.SWEEP._typed}", given)
        (node,) = [one for one in _nodes(cursor.fetchone()[0][0]["Plan"]) if one.get("Index Name") == "saga_run_wake"]
    assert node["Actual Rows"] == 0
    assert not node.get("Rows Removed by Filter")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def test_they_cost_it_no_statement_more(a_thousand):
    ring_overdue()  # the first on a connection prepares its statements
    ring_overdue()
    with CaptureQueriesContext(connection) as beside:
        assert ring_overdue() == 0
    a_thousand.delete()
    with CaptureQueriesContext(connection) as alone:
        assert ring_overdue() == 0
    assert len(beside) == len(alone)


def test_time_passes_plays_a_wait_in_a_scenario():
    given(patience, IN_A_MONTH).calling_participants().expect_completed()
