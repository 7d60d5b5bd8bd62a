"""The desk on the command line."""

from __future__ import annotations

import getpass
import io

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command

from sagas import Refused
from sagas.models import Act, Run
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


def saga(*words: str) -> str:
    out = io.StringIO()
    call_command("saga", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        saga(*words)
    assert error.value.returncode == 1
    return str(error.value)


def stuck(world, key="order:1") -> Run:
    world.faults["deliver"] = [Refused("no_such_street", "The street is unknown.")]
    return carry(begin(errand, Errand("milk"), key=key))


def user(*permissions: str) -> User:
    made = User.objects.create_user("olga")
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


# --- One run -------------------------------------------------------------------------------------------------------


def test_a_run_is_retried_by_its_id(world):
    run = stuck(world)
    assert saga("retry", str(run.pk), "--reason", "The street exists now.") == (
        "Retry now: done and recorded. errand a test is running.\n"
    )
    assert carry(run.pk).status == "completed"


def test_a_run_is_named_by_its_saga_and_key(world):
    run = stuck(world)
    saga("resolve", "errand:order:1", "--reason", "Settled.", "--ended", "completed")
    run.refresh_from_db()
    assert (run.status, run.resolution) == ("resolved", "completed")


def test_a_step_is_skipped_with_a_result(world):
    run = stuck(world)
    text = saga("skip", str(run.pk), "--reason", "Took it there.", "--result", '"handed over"')
    assert "errand a test is completed." in text
    assert run.steps.get(name="deliver").result == "handed over"


def test_the_input_is_changed_field_by_field(world):
    run = stuck(world)
    saga("set-input", str(run.pk), "--reason", "They meant bread.", "--input", '{"what": "bread"}')
    assert Run.objects.get().input == {"what": "bread"}


def test_a_run_is_paused_resumed_and_undone(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    assert "is paused while running." in saga("pause", str(run_id), "--reason", "Wait.")
    assert "is running." in saga("resume", str(run_id), "--reason", "Go on.")
    assert "is undoing." in saga("compensate", str(run_id), "--reason", "Changed their mind.")
    assert [act.verb for act in Act.objects.all()] == ["pause", "resume", "compensate"]


def test_without_a_user_the_operating_systems_name_is_recorded(world):
    saga("retry", str(stuck(world).pk), "--reason", "x")
    act = Act.objects.get()
    assert (act.actor, act.actor_name) == (None, getpass.getuser())


def test_a_user_acts_with_their_own_permissions(world):
    run, olga = stuck(world), user("retry_run")
    sentence = "olga may not skip with a result: the permission sagas.skip_run is missing."
    assert refused("skip", str(run.pk), "--reason", "x", "--as", "olga", "--result", '"x"') == sentence
    saga("retry", str(run.pk), "--reason", "x", "--as", "olga")
    act = Act.objects.get()
    assert (act.actor, act.actor_name) == (olga, "olga")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["resume", "RUN", "--reason", "x"], "Cannot resume: the run is stuck. Only a paused run is resumed."),
        (["retry", "RUN", "--reason", " "], "Say why: whoever reads the record later has nothing else to go by."),
        (["retry", "RUN", "--reason", "x", "--as", "nobody"], "There is no user nobody."),
        (
            ["skip", "RUN", "--reason", "x", "--result", "[" * 5000],
            "--result: This is nested more than 50 levels deep.",
        ),
        (["skip", "RUN", "--reason", "x", "--result", r'"\u0000"'], "--result: A text holds the character"),
        (["retry", "--where", "version=²", "--reason", "x"], "A version is a number, not"),
        (["retry", "--where", f"version={'9' * 5000}", "--reason", "x"], "A version is a number, not"),
        (["skip", "RUN", "--reason", "x", "--result", "{"], "--result: This is no JSON: Expecting property name"),
        (["skip", "RUN", "--reason", "x", "--result", "7"], "The result does not fit what deliver returns, str: "),
        (["set-input", "RUN", "--reason", "x", "--input", '{"how": 1}'], "Errand has no field how."),
        (["move", "RUN", "--reason", "x", "--to", "9"], "Saga errand, version 9, is not declared here."),
        (["retry", "errand:7", "--reason", "x"], "There is no run errand:7: give its id, or its saga and key"),
        (["retry", "--reason", "x"], "Say which: a run, or --where with a filter."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_the_exit_code(world, words, sentence):
    run = stuck(world)
    assert sentence in refused(*[str(run.pk) if word == "RUN" else word for word in words])
    assert not Act.objects.exists()


def test_a_reason_must_be_given(world):
    with pytest.raises(CommandError, match="--reason"):
        saga("retry", str(stuck(world).pk))


# --- Looking -------------------------------------------------------------------------------------------------------


def test_runs_are_listed_by_filter(world):
    run = stuck(world)
    begin(errand, Errand("bread"), key="order:2")
    text = saga("list", "--status", "stuck", "--saga", "errand", "--step", "deliver", "--code", "no_such_street")
    assert text.splitlines()[0].split() == ["RUN", "SAGA", "SUBJECT", "STATUS", "STEP", "CODE", "AGE"]
    assert [line.split()[0] for line in text.splitlines()[2:]] == [str(run.pk)]
    assert len(saga("list").splitlines()) == 4
    assert len(saga("list", "--code", "other").splitlines()) == 2


def test_a_run_is_shown_with_its_steps_attempts_and_acts(world):
    run = stuck(world)
    saga("set-input", str(run.pk), "--reason", "They meant bread.", "--input", '{"what": "bread"}')
    text = saga("show", "errand:order:1")
    assert "errand a test: stuck" in text
    assert "The street is unknown." in text
    assert "→  deliver  refused" in text
    assert "pay 1" in text
    assert "They meant bread." in text
    assert 'input: {"what": "milk"} → {"what": "bread"}' in text


# --- Many ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(world):
    return [stuck(world, key=f"order:{number}") for number in range(3)]


WHERE = ["--where", "status=stuck,saga=errand,step=deliver,code=no_such_street", "--reason", "The street exists now."]


def test_the_preview_counts_by_step_and_code_and_changes_nothing(many):
    text = saga("retry", *WHERE, "--dry-run")
    assert "3 runs match status=stuck, saga=errand, step=deliver, code=no_such_street" in text
    assert "3     errand  deliver  no_such_street" in text
    assert not Act.objects.exists()


@pytest.mark.parametrize("answer", ["", "n", "no"])
def test_it_asks_before_it_acts(many, monkeypatch, answer):
    asked: list[str] = []

    def ask(question):
        asked.append(question)
        return answer

    monkeypatch.setattr("builtins.input", ask)
    assert refused("retry", *WHERE) == "Nothing was done."
    assert asked == ["Retry now: 3 runs, 10 a second? [y/N] "]
    assert not Act.objects.exists()


def test_nobody_to_ask_is_said(many, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert refused("retry", *WHERE) == "Nothing was done: nobody is there to answer. Add --yes."


def test_every_run_gets_an_act_of_its_own(many):
    text = saga("retry", *WHERE, "--yes", "--rate", "1000")
    assert text.endswith("Done 3, skipped 0.\n")
    assert {act.run_id for act in Act.objects.all()} == {run.pk for run in many}
    assert {act.reason for act in Act.objects.all()} == {"The street exists now."}
    assert {run.status for run in Run.objects.all()} == {"running"}


def test_what_is_skipped_is_said_with_the_reason(many, world):
    world.faults["deliver"] = []
    text = saga("compensate", *WHERE, "--yes", "--rate", "1000")
    assert text.count("Skipped a test: Cannot compensate: the run is past its point of no return.") == 3
    assert text.endswith("Done 0, skipped 3.\n")


def test_it_can_be_stopped_in_between(many, monkeypatch):
    acted = 0

    def interrupt(_seconds):
        nonlocal acted
        acted += 1
        if acted == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sagas.desk.batches.time.sleep", interrupt)
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("saga", "retry", *WHERE, "--yes", stdout=out)
    assert ended.value.code == 130
    assert out.getvalue().endswith("Stopped. Done 2, skipped 0, left 1.\n")
    assert Act.objects.count() == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--where", ""], "Say which runs, such as status=stuck,saga=checkout; an empty filter would be all of them."),
        (["--where", "state=stuck"], "Cannot read 'state=stuck': write status=…, saga=…, step=…,"),
        (["--where", "status=bad"], "There is no status bad; write one of open, in_progress, stuck,"),
        (["--where", "paused=maybe"], "Write paused=yes or paused=no, not 'maybe'."),
        (["--where", "status=stuck", "--rate", "0"], "A rate is 0.01 to 1000 runs a second, not 0."),
        (["RUN", "--where", "status=stuck"], "Say which: a run, or --where with a filter."),
    ],
)
def test_a_filter_or_a_rate_that_cannot_be_read_is_refused(many, words, sentence):
    assert sentence in refused("retry", "--yes", "--reason", "x", *words)
    assert not Act.objects.exists()
