"""A run as a file, and back into a test's database; secrets stay where they are."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from sagas import desk
from sagas.models import Run, Step
from sagas.presentation.masking import MASK, masked
from sagas.presentation.run_file import text_of
from sagas.testing import ScenarioError, run_from_file, walk
from tests.support.sagas.admin_pages import stuck

pytestmark = pytest.mark.django_db(transaction=True)


def forget(run: Run) -> None:
    for name in ("acts", "attempts", "steps"):
        getattr(run, name).all().delete()
    Run.objects.filter(pk=run.pk).delete()


def rows_of(run: Run) -> list[object]:
    parts = [list(getattr(run, name).order_by("pk").values()) for name in ("steps", "attempts", "acts")]
    return [{name: value for name, value in row.items() if name != "id"} for part in parts for row in part]


def test_a_run_from_a_file_is_the_run_that_was_written_and_can_go_on(world, tmp_path):
    run = stuck(world)
    desk.comment(run.pk, actor=desk.Person("olga"), reason="I have called them.")
    file, before, rows = tmp_path / "run.json", Run.objects.filter(pk=run.pk).values().get(), rows_of(run)
    file.write_text(text_of(run), encoding="utf-8")
    forget(run)
    back = run_from_file(file)
    assert Run.objects.filter(pk=back.pk).values().get() == before
    assert rows_of(back) == rows
    world.faults.clear()
    desk.retry_now(back.pk, actor=desk.Person("olga"), reason="They have moved.")
    assert walk(back.pk).status == "completed"


def test_the_command_line_writes_the_same(world, capsys):
    run = stuck(world)
    call_command("saga", "export", str(run.pk))
    assert capsys.readouterr().out.strip() == text_of(run).strip()


def test_secrets_are_hidden_in_files_at_any_depth_and_in_lists(world):
    run = stuck(world)
    Step.objects.filter(run=run, name="fetch").update(result={"client_secret": "abc", "of": [{"Token": "x", "id": 1}]})
    (step,) = [one for one in json.loads(text_of(run))["run"]["steps"] if one["name"] == "fetch"]
    assert step["result"] == {"client_secret": MASK, "of": [{"Token": MASK, "id": 1}]}


def test_an_empty_secret_is_seen_to_be_missing():
    assert masked({"password": "", "token": None, "secret": 0}) == {"password": "", "token": None, "secret": MASK}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON", "holds no run"),
        ("[]", "holds no run"),
        ('{"format": 1, "run": {}}', "holds no run"),
        ('{"format": 9, "run": {"steps": [], "attempts": [], "acts": []}}', "of format 9"),
        (
            '{"format": 1, "run": {"name": "unheard_of", "version": 1, "steps": [], "attempts": [], "acts": []}}',
            "unheard_of",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_in_words(tmp_path, text, says):
    file = tmp_path / "run.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=says):
        run_from_file(file)
    assert not Run.objects.exists()
