"""Runs that ended long ago are removed with all that hangs on them; no other run is ever touched."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from sagas import Refused
from sagas.engine import executor
from sagas.engine.continuation import STOP
from sagas.maintenance import prune
from sagas.models import Act, Attempt, Attribute, Child, Run, Signal, Step, Ticket, Wait
from tests.support.sagas.driver import begin, link, step_once
from tests.support.sagas.ended import LOST, YEAR, finished, grow_old, left, resolved, stuck, undone
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
TABLES: tuple[Any, ...] = (Run, Step, Attempt, Act, Attribute, Ticket)


def test_what_ended_long_ago_is_removed_with_all_that_hangs_on_it(world):
    finished("completed")
    undone(world, "undone")
    resolved(world, "resolved")
    Attribute.objects.bulk_create(Attribute(run=run, name="customer", text="ann") for run in Run.objects.all())
    Ticket.objects.bulk_create(Ticket(run=run, share="a") for run in Run.objects.all())
    assert all(table.objects.exists() for table in TABLES)
    grow_old()
    assert prune.prune_runs() == 3
    assert not any(table.objects.exists() for table in TABLES)


def test_what_ended_lately_is_kept(world, settings):
    finished("old")
    grow_old()
    finished("young")
    assert prune.prune_runs() == 1
    assert left() == {"young"}
    assert set(Step.objects.values_list("run__key", flat=True)) == {"young"}


def test_a_run_in_flight_or_on_a_persons_desk_is_never_removed(world):
    begin(errand, Errand("milk"), "waiting")
    step_once(begin(errand, Errand("milk"), "running"))
    stuck(world, "stuck")
    world.faults["pay"], world.faults["unwrap"] = [Refused("no")], [LOST]
    run_id = begin(errand, Errand("milk"), "undoing")
    while Run.objects.get(pk=run_id).status != "undoing":
        step_once(run_id)
    grow_old()
    Run.objects.update(finished_at=F("created_at"))  # whatever a row may say by mistake: its status decides
    assert prune.prune_runs() == 0
    assert left() == {"waiting", "running", "stuck", "undoing"}


def test_none_keeps_for_ever(world, settings):
    finished()
    grow_old()
    settings.SAGAS_KEEP_FINISHED = None
    assert prune.prune_runs() == 0
    settings.SAGAS_KEEP_FINISHED = YEAR / 2
    assert prune.prune_runs() == 1


def test_each_batch_begins_where_the_one_before_ended(world, settings):
    """What was removed stays in the index as long as a snapshot may see it: it must not be read once a batch."""
    settings.SAGAS_PRUNE_BATCH = 2
    for number in range(4):
        finished(f"key-{number}")
    grow_old()
    ended = list(Run.objects.order_by("finished_at").values_list("finished_at", flat=True))
    with CaptureQueriesContext(connection) as queries:
        assert prune.prune_runs() == 4
    asked = [query["sql"] for query in queries if "LIMIT 2 FOR UPDATE SKIP LOCKED" in query["sql"]]
    taken = [sql for sql in asked if "FROM saga_run\n" in sql]  # the others prune the history of schedules
    begun = [str(since).replace(" ", "T") for since in ended[1::2]]
    assert [since in sql for since, sql in zip(begun, taken[1:], strict=True)] == [True, True]


def test_a_run_that_somebody_has_locked_is_left_to_the_next_time(world):
    finished("locked")
    finished("free")
    grow_old()
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM saga_run WHERE key = 'locked' FOR UPDATE")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            assert prune.prune_runs() == 1
    finally:
        other.close()
    assert left() == {"locked"}


def test_two_prunings_at_once_remove_each_run_once(world, settings):
    settings.SAGAS_PRUNE_BATCH = 3
    for number in range(12):
        finished(f"key-{number}")
    grow_old()
    removed: list[int] = []

    def work() -> None:
        removed.append(prune.prune_runs())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    removed.append(prune.prune_runs())  # one that met only locked runs has gone home early
    assert sum(removed) == 12
    assert left() == set()


@pytest.mark.parametrize("act", [executor.run_step, executor.undo_step])
def test_a_message_that_comes_after_its_run_was_pruned_ends_its_chain(world, act, caplog):
    run = Run.objects.get(pk=finished())
    grow_old()
    prune.prune_runs()
    world.log.clear()
    caplog.clear()
    assert act(link(run, "fetch")) == STOP
    assert [record.message for record in caplog.records] == ["saga.unknown_run"]
    assert (world.log, left()) == ([], set())


def test_with_a_run_goes_its_key(world):
    first = finished()
    assert begin(errand, Errand("milk")) == first
    grow_old()
    prune.prune_runs()
    assert begin(errand, Errand("milk")) != first


def plan(statement: str, parameters: dict[str, Any]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())


def multiply(cursor: Any) -> None:
    """20 000 copies of the one run, with its first step, its first attempt, and an act."""
    copies = ", ".join(field.column for field in Run._meta.concrete_fields if field.column not in ("id", "key"))
    cursor.execute(
        f"INSERT INTO saga_run (id, key, {copies}) "
        f"SELECT gen_random_uuid(), 'copy:' || n, {copies} FROM saga_run, generate_series(1, 20000) AS n"
    )
    models: tuple[Any, ...] = (Step, Attempt)
    for model in models:
        table = model._meta.db_table
        names = [field.column for field in model._meta.concrete_fields if field.column not in ("id", "run_id")]
        copies, of_one = ", ".join(names), ", ".join(f"one.{name}" for name in names)
        cursor.execute(
            f"INSERT INTO {table} (run_id, {copies}) SELECT r.id, {of_one} "
            f"FROM saga_run r, (SELECT {copies} FROM {table} ORDER BY id LIMIT 1) one WHERE r.key LIKE 'copy:%'"
        )
    cursor.execute(
        "INSERT INTO saga_act (run_id, actor_name, verb, reason, at, before, after) "
        "SELECT id, 'ann', 'resolve', '', now(), '{}', '{}' FROM saga_run"
    )
    cursor.execute(
        "INSERT INTO saga_wait (run_id, step, kind, words, since) SELECT id, 'w', 'timer', '', now() FROM saga_run"
    )
    cursor.execute(
        "INSERT INTO saga_signal (run_id, name, sent_id, payload, at) SELECT id, 's', '1', '{}', now() FROM saga_run"
    )
    cursor.execute(
        "INSERT INTO saga_ticket (run_id, share, line, priority, is_limited) SELECT id, 'a', '', 0, false FROM saga_run"
    )
    cursor.execute("INSERT INTO saga_attribute (run_id, name, text) SELECT id, 'customer', 'ann' FROM saga_run")


@pytest.fixture
def many(world):
    """20 000 finished runs, of which 100 are old, with a step, an attempt, an act, an attribute and so on each."""
    finished()
    with connection.cursor() as cursor:
        multiply(cursor)
        cursor.execute(
            "UPDATE saga_run SET finished_at = now() - interval '1 year' "
            "WHERE id IN (SELECT id FROM saga_run WHERE key LIKE 'copy:%' LIMIT 100)"
        )
        cursor.execute(
            "INSERT INTO saga_child (run_id, parent_id, step, item) "
            "SELECT id, (SELECT id FROM saga_run WHERE key NOT LIKE 'copy:%'), 'one', row_number() OVER () "
            "FROM saga_run WHERE key LIKE 'copy:%' AND finished_at > now() - interval '1 day'"
        )
        for table in (*TABLES, Wait, Signal, Child):
            cursor.execute(f"VACUUM ANALYZE {table._meta.db_table}")


def test_pruning_reads_no_run_that_stays(many):
    old: dict[str, Any] = {"keep": timedelta(days=90), "batch": 1000, "since": prune.EPOCH}
    for statement in (prune.COUNT, prune.TAKE):
        assert "saga_run_finished" in plan(statement, old)
    with connection.cursor() as cursor:
        cursor.execute(prune.TAKE, old)
        ids = [run_id for run_id, _ in cursor.fetchall()]
    for statement in (prune.COUNT, prune.TAKE, *prune.REMOVE):
        assert "Seq Scan" not in plan(statement, {**old, "ids": ids})
    assert prune.prune_runs() == 100
