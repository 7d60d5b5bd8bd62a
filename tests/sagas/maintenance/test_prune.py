"""Runs that ended long ago are removed with all that hangs on them; no other run is ever touched."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from sagas import Refused, desk, tasks
from sagas.checks import check_retention
from sagas.engine import executor
from sagas.engine.continuation import STOP
from sagas.maintenance import prune
from sagas.models import Act, Attempt, Run, Step

from ...support.sagas.driver import begin, carry, link, step_once
from ...support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")
YEAR = timedelta(days=365)
TABLES: tuple[Any, ...] = (Run, Step, Attempt, Act)
archived: list[list[dict[str, Any]]] = []


def keep(runs: list[dict[str, Any]]) -> None:
    archived.append(runs)


def keep_in_database(runs: list[dict[str, Any]]) -> None:
    """An archive on the same database: its rows and the removal are one commit."""
    for run in runs:
        get_user_model().objects.create_user(str(run["key"]))


def full(runs: list[dict[str, Any]]) -> None:
    keep_in_database(runs)
    raise OSError("the archive's disk is full")


@pytest.fixture
def archive(settings):
    archived.clear()
    settings.SAGAS_ARCHIVE = f"{__name__}.keep"
    return archived


def finished(key: str = "key-1") -> UUID:
    return carry(begin(errand, Errand("milk"), key)).id


def undone(world: Any, key: str) -> UUID:
    world.faults["pay"] = [Refused("card_declined")]
    return carry(begin(errand, Errand("milk"), key)).id


def stuck(world: Any, key: str) -> UUID:
    world.faults["deliver"] = [Refused("no_such_door")]
    return carry(begin(errand, Errand("milk"), key)).id


def resolved(world: Any, key: str) -> UUID:
    run_id = stuck(world, key)
    ann = get_user_model().objects.create_user(f"ann-{key}")
    desk.resolve(run_id, actor=ann, reason="handed over by hand", ended="completed")
    return run_id


def grow_old(**which: object) -> None:
    """All times of these runs a year ago, as far as they are set."""
    times = ("created_at", "updated_at", "finished_at", "wake_at", "deadline_at")
    Run.objects.filter(**which).update(**{name: F(name) - YEAR for name in times})


def left() -> set[str]:
    return set(Run.objects.values_list("key", flat=True))


def test_what_ended_long_ago_is_removed_with_all_that_hangs_on_it(world):
    finished("completed")
    undone(world, "undone")
    resolved(world, "resolved")
    assert all(table.objects.exists() for table in TABLES)
    grow_old()
    assert prune.prune() == 3
    assert not any(table.objects.exists() for table in TABLES)


def test_what_ended_lately_is_kept(world, settings):
    finished("old")
    grow_old()
    finished("young")
    assert prune.prune() == 1
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
    assert prune.prune() == 0
    assert left() == {"waiting", "running", "stuck", "undoing"}


def test_none_keeps_for_ever(world, settings):
    finished()
    grow_old()
    settings.SAGAS_KEEP_FINISHED = None
    assert prune.prune() == 0
    settings.SAGAS_KEEP_FINISHED = YEAR / 2
    assert prune.prune() == 1


def test_each_batch_is_a_transaction_of_its_own(world, settings, archive):
    settings.SAGAS_PRUNE_BATCH = 2
    for number in range(5):
        finished(f"key-{number}")
    grow_old()
    assert prune.prune() == 5
    assert [[run["key"] for run in batch] for batch in archive] == [["key-0", "key-1"], ["key-2", "key-3"], ["key-4"]]


def test_each_batch_begins_where_the_one_before_ended(world, settings):
    """What was removed stays in the index as long as a snapshot may see it: it must not be read once a batch."""
    settings.SAGAS_PRUNE_BATCH = 2
    for number in range(4):
        finished(f"key-{number}")
    grow_old()
    ended = list(Run.objects.order_by("finished_at").values_list("finished_at", flat=True))
    with CaptureQueriesContext(connection) as queries:
        assert prune.prune() == 4
    taken = [query["sql"] for query in queries if "SKIP LOCKED" in query["sql"]]
    begun = [str(since).replace(" ", "T") for since in ended[1::2]]
    assert [since in sql for since, sql in zip(begun, taken[1:], strict=True)] == [True, True]


def test_a_failing_archive_keeps_its_batch_and_tells(world, settings):
    finished()
    grow_old()
    settings.SAGAS_ARCHIVE = f"{__name__}.full"
    with pytest.raises(OSError, match="disk is full"):
        prune.prune()
    assert left() == {"key-1"}
    assert Step.objects.count() == 5
    assert not get_user_model().objects.exists()


def test_what_an_archive_writes_to_the_database_commits_with_the_removal(world, settings):
    finished()
    grow_old()
    settings.SAGAS_ARCHIVE = f"{__name__}.keep_in_database"
    assert prune.prune() == 1
    assert get_user_model().objects.get().get_username() == "key-1"


def test_an_archive_is_given_all_of_a_run(world, archive):
    run_id = resolved(world, "key-1")
    grow_old()
    prune.prune()
    [[run]] = archive
    assert (run["id"], run["key"], run["input"], run["status"]) == (run_id, "key-1", {"what": "milk"}, "resolved")
    assert [step["name"] for step in run["steps"]] == ["fetch", "think", "wrap", "pay", "deliver"]
    assert [attempt["outcome"] for attempt in run["attempts"]] == ["done"] * 4 + ["refused"]
    assert [(act["verb"], act["reason"]) for act in run["acts"]] == [("resolve", "handed over by hand")]


def test_the_ready_archive_writes_a_file_of_lines(world, settings, tmp_path):
    settings.SAGAS_ARCHIVE = "sagas.archive.to_jsonl"
    settings.SAGAS_ARCHIVE_FOLDER = str(tmp_path / "archive")
    ids = [str(finished(f"key-{number}")) for number in range(3)]
    grow_old()
    assert prune.prune() == 3
    [file] = Path(settings.SAGAS_ARCHIVE_FOLDER).iterdir()
    assert file.name == f"{ids[0]}-3.jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    runs = [json.loads(line) for line in file.read_text().splitlines()]
    assert [run["id"] for run in runs] == ids
    assert [len(run["steps"]) for run in runs] == [5, 5, 5]


def test_the_ready_archive_without_a_folder_removes_nothing(world, settings):
    settings.SAGAS_ARCHIVE = "sagas.archive.to_jsonl"
    finished()
    grow_old()
    with pytest.raises(ImproperlyConfigured, match="Set SAGAS_ARCHIVE_FOLDER"):
        prune.prune()
    assert left() == {"key-1"}


def test_an_archive_that_fails_half_way_leaves_no_half_file(world, settings, tmp_path, monkeypatch):
    settings.SAGAS_ARCHIVE = "sagas.archive.to_jsonl"
    settings.SAGAS_ARCHIVE_FOLDER = str(tmp_path)
    finished()
    grow_old()

    def fail(_handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        prune.prune()
    assert list(tmp_path.glob("*.jsonl")) == []
    assert left() == {"key-1"}


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
            assert prune.prune() == 1
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
        removed.append(prune.prune())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    removed.append(prune.prune())  # one that met only locked runs has gone home early
    assert sum(removed) == 12
    assert left() == set()


@pytest.mark.parametrize("act", [executor.run_step, executor.undo_step])
def test_a_message_that_comes_after_its_run_was_pruned_ends_its_chain(world, act, caplog):
    run = Run.objects.get(pk=finished())
    grow_old()
    prune.prune()
    world.log.clear()
    caplog.clear()
    assert act(link(run, "fetch")) == STOP
    assert [record.message for record in caplog.records] == ["saga.unknown_run"]
    assert (world.log, left()) == ([], set())


def test_with_a_run_goes_its_key(world):
    first = finished()
    assert begin(errand, Errand("milk")) == first
    grow_old()
    prune.prune()
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


@pytest.fixture
def many(world):
    """20 000 finished runs, of which 100 are old, with a step, an attempt and an act each."""
    finished()
    with connection.cursor() as cursor:
        multiply(cursor)
        cursor.execute(
            "UPDATE saga_run SET finished_at = now() - interval '1 year' "
            "WHERE id IN (SELECT id FROM saga_run WHERE key LIKE 'copy:%' LIMIT 100)"
        )
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table._meta.db_table}")


def test_pruning_reads_no_run_that_stays(many):
    old: dict[str, Any] = {"keep": timedelta(days=90), "batch": 1000, "since": prune.EVER}
    for statement in (prune.COUNT, prune.TAKE):
        assert "saga_run_finished" in plan(statement, old)
    with connection.cursor() as cursor:
        cursor.execute(prune.TAKE, old)
        ids = [run_id for run_id, _ in cursor.fetchall()]
    for statement in (prune.COUNT, prune.TAKE, *prune.REMOVE):
        assert "Seq Scan" not in plan(statement, {**old, "ids": ids})
    assert prune.prune() == 100


def test_the_task_prunes_and_beat_runs_it_each_hour(world, settings):
    finished()
    grow_old()
    tasks.prune()
    assert left() == set()
    entries = [entry for entry in settings.CELERY_BEAT_SCHEDULE.values() if entry["task"] == "sagas.prune"]
    assert [entry["schedule"] for entry in entries] == [timedelta(hours=1)]
    route: Any = current_app.amqp.router.route({}, "sagas.prune")
    assert route["queue"].name == "upkeep"


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_sagas", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_removes_what_the_setting_says(world):
    finished("old")
    grow_old()
    finished("young")
    assert said() == "Removed 1 run that ended more than 90 d ago.\n"
    assert left() == {"young"}


def test_the_command_says_what_it_would_remove(world):
    finished()
    grow_old()
    assert said("--dry-run", "--older-than", "12h") == "Would remove 1 run that ended more than 12 h ago.\n"
    assert said("--dry-run", "--older-than=400d") == "Would remove 0 runs that ended more than 400 d ago.\n"
    assert left() == {"key-1"}


def test_the_command_takes_another_age_than_the_setting(world, settings):
    settings.SAGAS_KEEP_FINISHED = None
    finished()
    grow_old()
    assert said() == "SAGAS_KEEP_FINISHED is None: runs are kept for ever. Give --older-than to remove some.\n"
    assert said("--older-than=300d") == "Removed 1 run that ended more than 300 d ago.\n"


@pytest.mark.parametrize("age", ["90", "0d", "-1d", "d", "1w", "1.5h", ""])
def test_the_command_refuses_what_is_no_age(age):
    with pytest.raises(CommandError, match="is no age; give a number above zero with d, h, m or s, such as 90d"):
        said(f"--older-than={age}")


@pytest.mark.parametrize(
    ("name", "value", "sentence", "hint"),
    [
        ("KEEP_FINISHED", timedelta(0), "SAGAS_KEEP_FINISHED is datetime.timedelta(0).", "Give a timedelta above zero"),
        ("KEEP_FINISHED", 90, "SAGAS_KEEP_FINISHED is 90.", "Give a timedelta above zero"),
        ("PRUNE_BATCH", 0, "SAGAS_PRUNE_BATCH is 0.", "Give a whole number above zero, such as 1000."),
        (
            "ARCHIVE",
            "no.such.thing",
            "SAGAS_ARCHIVE names no.such.thing, which is no function.",
            "Give the dotted path",
        ),
        ("ARCHIVE", "plain", "SAGAS_ARCHIVE names plain, which is no function.", "Give the dotted path"),
        ("ARCHIVE", f"{__name__}.TABLES", f"SAGAS_ARCHIVE names {__name__}.TABLES, which is no function.", "Give the"),
        (
            "ARCHIVE",
            "sagas.archive.to_jsonl",
            "sagas.archive.to_jsonl has nowhere to put its files.",
            "Set SAGAS_ARCHIVE_FOLDER.",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_the_check(settings, name, value, sentence, hint):
    setattr(settings, f"SAGAS_{name}", value)
    [found] = check_retention()
    assert (found.id, found.msg) == ("sagas.E017", sentence)
    assert found.hint is not None
    assert found.hint.startswith(hint)


def test_settings_that_can_be_meant_are_accepted(settings):
    assert check_retention() == []
    settings.SAGAS_KEEP_FINISHED, settings.SAGAS_ARCHIVE = None, f"{__name__}.keep"
    assert check_retention() == []


def test_a_batch_of_nothing_does_not_go_on_for_ever(world, settings):
    settings.SAGAS_PRUNE_BATCH = 0
    finished()
    grow_old()
    assert prune.prune() == 1
