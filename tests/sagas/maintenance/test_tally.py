"""What has ended is counted once, whenever it commits and whatever happens to the one who counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import F, Sum

from sagas.maintenance import prune
from sagas.maintenance.tally import LATE, tally
from sagas.models import Attempt, Run, Tally, TallyMark, TallyWait
from sagas.sql import tally as sql
from tests.support.sagas.driver import begin
from tests.support.sagas.ended import LOST, finished, grow_old, resolved, stuck, undone
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
RUN_ENDED = "UPDATE saga_run SET status = 'completed', finished_at = clock_timestamp() WHERE id = %s"
CLAIM = """
INSERT INTO saga_attempt (run_id, step, direction, number, token, started_at, worker, task_id, traceparent, outcome,
                          error_class, error_text)
VALUES (%s, 'fetch', 'forward', 1, gen_random_uuid(), clock_timestamp(), '', '', '', '', '', '')
"""
END_ATTEMPTS = "UPDATE saga_attempt SET outcome = 'done', ended_at = clock_timestamp() WHERE ended_at IS NULL"


@pytest.fixture(autouse=True)
def _counted_from_now_on(world):
    tally()


@pytest.fixture
def late() -> Iterator[Any]:
    """Another session, in a transaction that has not committed."""
    other: Any = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        yield cursor
    other.close()


def execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def counted(span: int = 0) -> Counter[tuple[str, ...]]:
    rows = Tally.objects.filter(span=span).exclude(kind="lag").values("kind", "saga", "name", "outcome")
    return Counter({tuple(row.values())[:4]: row["n"] for row in rows.annotate(n=Sum("count"))})


def there() -> Counter[tuple[str, ...]]:
    """What the tables of the engine hold."""
    kinds = {"forward": "step", "undo": "undo"}
    attempts = Attempt.objects.filter(ended_at__isnull=False).values_list("direction", "run__name", "step", "outcome")
    runs = Run.objects.filter(finished_at__isnull=False).values_list("name", "status")
    return Counter(
        [(kinds[direction], *rest) for direction, *rest in attempts] + [("run", name, "", end) for name, end in runs]
    )


def open_run() -> UUID:
    return begin(errand, Errand("milk"), f"open-{Run.objects.count()}")


def test_runs_and_attempts_are_counted_by_minute_by_hour_and_ever_and_each_once(world):
    finished("done")
    undone(world, "undone")
    resolved(world, "resolved")
    world.faults["fetch"] = [LOST, LOST]
    finished("retried")
    stuck(world, "stuck")
    ended = there()
    assert {("run", "errand", "", "compensated"), ("undo", "errand", "wrap", "done")} <= set(ended)
    assert tally() == ended.total()
    assert tally() == 0
    assert counted(0) == counted(60) == counted(3600) == ended
    assert Tally.objects.get(span=0, kind="step", name="fetch", outcome="in_doubt").retries == 1
    assert Tally.objects.get(span=0, kind="step", name="fetch", outcome="done").retries == 1


def test_what_they_took_is_in_the_sum_and_in_one_bucket(world):
    run_id = finished()
    Run.objects.filter(pk=run_id).update(created_at=F("finished_at") - timedelta(seconds=30))
    Attempt.objects.filter(step="pay").update(started_at=F("ended_at") - timedelta(milliseconds=251))
    tally()
    run, pay = Tally.objects.get(span=0, kind="run"), Tally.objects.get(span=0, name="pay")
    assert run.seconds == pytest.approx(30)
    assert pay.seconds == pytest.approx(0.251)
    assert [n for n, number in enumerate(run.buckets) if number] == [sql.BOUNDS.index(30.0)], "a bound is inclusive"
    assert [n for n, number in enumerate(pay.buckets) if number] == [sql.BOUNDS.index(0.5)]


def test_an_attempt_that_ends_after_the_tally_has_passed_it_is_counted(world):
    execute(CLAIM, open_run())
    assert tally() == 0
    finished("a later one")
    tally()
    execute(END_ATTEMPTS)
    assert tally() == 1
    assert counted() == there()
    assert not TallyWait.objects.exists()


def test_an_attempt_whose_claim_commits_after_later_ones_is_counted(world, late):
    run_id = open_run()
    late.execute(CLAIM, [run_id])
    finished("a later one")
    tally()
    late.connection.commit()
    execute(END_ATTEMPTS)
    assert tally() == 1
    assert counted() == there()


def test_a_claim_that_was_rolled_back_is_forgotten(world, late):
    late.execute(CLAIM, [open_run()])
    finished("a later one")
    tally()
    late.connection.rollback()
    tally()
    assert TallyWait.objects.count() == 1
    TallyWait.objects.update(since=F("since") - LATE)
    tally()
    assert not TallyWait.objects.exists()


def test_a_run_whose_end_commits_late_is_counted_in_its_minute(world, late):
    run_id = open_run()
    late.execute(RUN_ENDED, [run_id])
    finished("a later one")
    tally()
    late.connection.commit()
    assert tally() == 1
    assert counted() == counted(60) == there()


def test_a_crash_before_the_commit_loses_nothing_and_counts_nothing_twice(world, monkeypatch):
    finished()
    execute(CLAIM, open_run())
    with monkeypatch.context() as patch:
        patch.setattr(sql, "MOVE", "SELECT 1 / 0")
        with pytest.raises(Exception, match="division by zero"):
            tally()
    assert not counted()
    tally()
    execute(END_ATTEMPTS)
    tally()
    assert counted() == there()


def test_of_two_that_tally_at_once_one_counts_and_the_other_does_not_wait(world, late):
    finished()
    late.execute("SELECT FROM saga_tally_mark FOR UPDATE")
    assert tally() == 0
    late.connection.rollback()
    assert tally() == there().total()
    assert counted() == there()


def test_more_than_a_batch_is_counted_at_once(world, monkeypatch):
    for key in "abc":
        finished(key)
    monkeypatch.setattr("sagas.maintenance.tally.BATCH", 4)
    tally()
    assert counted() == there()


def test_ids_that_a_restored_sequence_leaves_out_are_skipped(world):
    execute("SELECT setval('saga_attempt_id_seq', %s)", 10**12)
    finished()
    tally()
    assert counted() == there()
    assert TallyWait.objects.count() < 1000


def test_what_is_pruned_stays_counted(world):
    finished()
    ended = there()
    tally()
    grow_old()
    assert prune.prune_runs() == 1
    tally()
    assert counted() == ended


def test_old_minutes_and_old_hours_go_and_what_counts_ever_stays(world):
    finished()
    ended = there()
    tally()
    grow_old()
    Tally.objects.exclude(span=0).update(at=F("at") - timedelta(hours=7))
    tally()
    assert not counted(60)
    assert counted(3600) == ended
    Tally.objects.exclude(span=0).update(at=F("at") - timedelta(days=40))
    tally()
    assert not counted(3600)
    assert counted(0) == ended


def test_what_ended_before_the_first_tally_is_not_counted(world):
    TallyMark.objects.all().delete()
    run_id = finished()
    Run.objects.filter(pk=run_id).update(finished_at=F("finished_at") - timedelta(minutes=5))
    tally()
    finished("later")
    tally()
    assert counted().total() == there().total() / 2


def test_the_lag_of_each_destination_is_observed_once_a_tally(world):
    open_run()  # and its message waits for a relay
    execute("UPDATE outbox_message SET created_at = created_at - interval '3 min'")
    tally()
    tally()
    lag = Tally.objects.get(span=0, kind="lag", name="tasks")
    assert lag.count == 3, "the first one when the test began"
    assert 360 <= lag.seconds < 420


def test_its_statements_read_indexes_of_runs_and_attempts(world):
    """As they do for tables of any size."""
    execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql.RUNS}", {"since": "2026-01-01"})
        assert "saga_run_finished" in str(cursor.fetchall())
        cursor.execute(f"EXPLAIN {sql.ATTEMPTS}", {"after": 1, "upto": 9, "waiting": [1]})
        plan = str(cursor.fetchall())
    assert plan.count("saga_attempt_pkey") == 2
    assert "Seq Scan on saga_attempt" not in plan
    connection.close()
