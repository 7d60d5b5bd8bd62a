"""What is pruned is given to an archive first, which may refuse it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured

from sagas.maintenance import prune
from sagas.models import Step
from tests.support.sagas.ended import archived, finished, grow_old, keep, left, resolved

pytestmark = pytest.mark.django_db(transaction=True)


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
    settings.SAGAS_ARCHIVE = f"{keep.__module__}.keep"
    return archived


def test_a_failing_archive_keeps_its_batch_and_tells(world, settings):
    finished()
    grow_old()
    settings.SAGAS_ARCHIVE = f"{__name__}.full"
    with pytest.raises(OSError, match="disk is full"):
        prune.prune_runs()
    assert left() == {"key-1"}
    assert Step.objects.count() == 5
    assert not get_user_model().objects.exists()


def test_what_an_archive_writes_to_the_database_commits_with_the_removal(world, settings):
    finished()
    grow_old()
    settings.SAGAS_ARCHIVE = f"{__name__}.keep_in_database"
    assert prune.prune_runs() == 1
    assert get_user_model().objects.get().get_username() == "key-1"


def test_an_archive_is_given_all_of_a_run(world, archive):
    run_id = resolved(world, "key-1")
    grow_old()
    prune.prune_runs()
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
    assert prune.prune_runs() == 3
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
        prune.prune_runs()
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
        prune.prune_runs()
    assert list(tmp_path.glob("*.jsonl")) == []
    assert left() == {"key-1"}


def test_each_batch_is_a_transaction_of_its_own(world, settings, archive):
    settings.SAGAS_PRUNE_BATCH = 2
    for number in range(5):
        finished(f"key-{number}")
    grow_old()
    assert prune.prune_runs() == 5
    assert [[run["key"] for run in batch] for batch in archive] == [["key-0", "key-1"], ["key-2", "key-3"], ["key-4"]]
