"""Pruning by the task, the command and the settings."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from celery import current_app
from django.core.management import CommandError, call_command

from sagas import tasks
from sagas.checks import check_retention
from sagas.maintenance import prune
from tests.support.sagas.ended import finished, grow_old, keep, left

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = ("saga_run",)  # no function


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
    settings.SAGAS_KEEP_FINISHED, settings.SAGAS_ARCHIVE = None, f"{keep.__module__}.keep"
    assert check_retention() == []


def test_a_batch_of_nothing_does_not_go_on_for_ever(world, settings):
    settings.SAGAS_PRUNE_BATCH = 0
    finished()
    grow_old()
    assert prune.prune_runs() == 1
