"""The desk's newer acts in the admin: skip, pause, resume, change the input, move."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.urls import reverse

from sagas import Refused, Saga, StepContext, desk
from sagas.declare import registry
from sagas.desk.given.json_samples import describe_type, sample_value
from sagas.models import Act, Run, RunStatus
from tests.support.sagas.admin_pages import EVERY_ACT, LIST, act, listed, log_in, open_run, page_of, said, stuck
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]


@pytest.fixture
def operator(client):
    return log_in(client, "view_run", "view_act", *EVERY_ACT)


UNKEPT = [
    ("[" * 5000, "This is nested more than 50 levels deep."),
    ("[" * 60 + "]" * 60, "This is nested more than 50 levels deep."),
    (r'"a\u0000"', "A text holds the character &#x27;\\x00&#x27;, which cannot be kept."),
    (r'{"\ud800": 1}', "A text holds the character &#x27;\\ud800&#x27;, which cannot be kept."),
    ("NaN", "nan is no number that JSON knows."),
    ("[1e999]", "inf is no number that JSON knows."),
    ("9" * 5000, "This is no JSON: Exceeds the limit"),
    ("9" * 30, "A number has more than 18 digits. Write it as text, in quotes."),
]
"""What a person may type as JSON and no run can keep."""


def ask(client, verb, run) -> str:
    answer = client.get(reverse("admin:sagas_desk", args=[verb]), {"run": run.pk})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_page_offers_each_act_with_what_it_will_do(operator, client, world):
    text = page_of(client, stuck(world))
    offered = [verb for verb in desk.VERBS.values() if f"desk/{verb.name}/" in text]
    assert [verb.name for verb in offered] == ["retry", "skip", "resolve", "set_input", "comment", "assign", "snooze"]
    assert all(verb.explains.replace("'", "&#x27;") in text for verb in offered)


# --- Skip ----------------------------------------------------------------------------------------------------------


def test_a_stuck_step_is_skipped_with_a_result(operator, client, world):
    run = stuck(world)
    assert "What deliver is to have returned: str. Later steps read it." in ask(client, "skip", run)
    assert "Skip with a result: done and recorded. The run is over." in said(act(client, "skip", run, result='"given"'))
    run.refresh_from_db()
    assert (run.status, run.steps.get(name="deliver").result) == (RunStatus.COMPLETED, "given")
    assert "Step: deliver → —" in page_of(client, run)
    assert "Result: — → given" in page_of(client, run)


def test_the_skipped_step_and_the_next_one_are_said(operator, client, world):
    run = open_run()
    assert "Workers go on with think within seconds" in said(act(client, "skip", run, result='"x"'))


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        *UNKEPT,
        ("given", "This is no JSON: Expecting value"),
        ("7", "Nothing was done. The result does not fit what deliver returns, str: Expected `str`, got `int`"),
        ("", "Nothing was done. The result does not fit what deliver returns, str: Expected `str`, got `null`"),
    ],
)
def test_a_result_that_does_not_fit_is_refused_in_words(operator, client, world, result, sentence):
    run = stuck(world)
    answer = act(client, "skip", run, result=result)
    assert sentence in answer.content.decode() + said(answer)
    assert not Act.objects.exists()


def test_a_failed_undo_is_skipped_without_a_result(operator, client, world):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [Refused("too_late")]
    run = carry(begin(errand, Errand("milk")))
    assert "An undo returns nothing; leave it empty." in ask(client, "skip", run)
    act(client, "skip", run, result="")
    assert carry(run.pk).status == RunStatus.COMPENSATED


@dataclass(frozen=True)
class Seat:
    row: int
    side: str | None


@dataclass(frozen=True)
class Ticket:
    number: str
    seat: Seat


def test_the_form_holds_the_shape_of_the_result_with_blanks_that_do_not_fit(operator, client, world):
    saga = Saga[Errand]("fly")

    @saga.step(undo=None)
    def book(ctx: StepContext[Errand]) -> Ticket:
        raise NotImplementedError

    try:
        run = Run.objects.get(pk=begin(saga, Errand("x")))
        text = ask(client, "skip", run)
        assert "Ticket(number: str, seat: Seat(row: int, side: str | None))" in text
        assert "&quot;number&quot;: null" in text
        act(client, "skip", run, result='{"number": null, "seat": {"row": null, "side": null}}')
        assert not Act.objects.exists()
    finally:
        registry.forget(saga)


def test_a_sample_has_every_field():
    assert sample_value(Ticket) == {"number": None, "seat": {"row": None, "side": None}}
    assert sample_value(str) is None
    assert describe_type(int) == "int"


# --- Pause and resume ----------------------------------------------------------------------------------------------


def test_a_paused_run_says_so_everywhere_and_offers_to_be_resumed(operator, client, world):
    run = open_run()
    assert "Nobody takes a step of it until somebody resumes it." in said(act(client, "pause", run))
    text = page_of(client, run)
    assert "paused while running</span>" in text
    assert "Paused: nobody takes a step of it, and its deadline stands still. Somebody must resume it." in text
    assert "Paused since" in text
    assert "Paused: no → yes" in text
    assert "Next look" not in text
    assert "desk/resume/" in text
    assert "desk/pause/" not in text
    assert "desk/retry/" not in text
    assert "when it is resumed" in client.get(reverse(LIST)).content.decode()
    run.refresh_from_db()
    assert "A worker goes on with fetch within seconds" in said(act(client, "resume", run))
    assert carry(run.pk).status == RunStatus.COMPLETED


# --- The input -----------------------------------------------------------------------------------------------------


def test_what_changes_in_the_input_is_shown_before_it_is_done(operator, client, world):
    run = stuck(world)
    assert 'name="changes.what" value="milk"' in ask(client, "set_input", run)
    wanted = '{"what": "bread"}'
    first = act(client, "set_input", run, changes=wanted).content.decode()
    assert "<code>what</code></th><td>milk</td><td>bread</td>" in first
    assert Run.objects.get().input == {"what": "milk"}
    act(client, "set_input", run, changes=wanted, shown=wanted)
    assert Run.objects.get().input == {"what": "bread"}
    assert "Input what: milk → bread" in page_of(client, run)


def test_a_change_after_the_look_is_shown_anew(operator, client, world):
    run = stuck(world)
    answer = act(client, "set_input", run, changes='{"what": "wine"}', shown='{"what": "bread"}')
    assert "<td>milk</td><td>wine</td>" in answer.content.decode()
    assert Run.objects.get().input == {"what": "milk"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ('{"what": 7}', "The input does not fit Errand: Expected `str`, got `int`"),
        ('{"how": "x"}', "Errand has no field how."),
        ('{"what": "milk"}', "The new input is the same as the old one; there is nothing to change."),
        ("[1]", "The input is a JSON object of fields"),
        ("{", "This is no JSON"),
        *UNKEPT,
        (f'{{"what": {"[" * 60}{"]" * 60}}}', "This is nested more than 50 levels deep."),
    ],
)
def test_an_input_that_does_not_fit_is_refused_on_the_page(operator, client, world, changes, sentence):
    run = stuck(world)
    assert sentence in act(client, "set_input", run, changes=changes).content.decode()
    assert not Act.objects.exists()


# --- Move ----------------------------------------------------------------------------------------------------------


def test_a_run_is_moved_to_a_version_that_is_declared(operator, client, world):
    run = open_run()
    assert "desk/move/" not in page_of(client, run)
    newer = Saga[Errand]("errand", version=2)

    @newer.step(undo=None)
    def walk(ctx: StepContext[Errand]) -> None: ...

    try:
        assert "desk/move/" in page_of(client, run)
        assert '<option value="2">version 2</option>' in ask(client, "move", run)
        answer = act(client, "move", run, version="2")
        assert "It goes on by the newer version" in said(answer)
        text = page_of(client, run)
        assert "Version: 1 → 2" in text
        assert (
            "Steps: [&quot;fetch&quot;, &quot;think&quot;, &quot;wrap&quot;, &quot;pay&quot;, &quot;deliver&quot;]"
            in text
        )
        assert carry(run.pk).status == RunStatus.COMPLETED
    finally:
        registry.forget(newer)


# --- What will not run ---------------------------------------------------------------------------------------------


def test_the_steps_behind_one_that_was_refused_say_that_they_will_not_run(operator, client, world):
    world.faults["wrap"] = [Refused("no_paper")]
    run_id = begin(errand, Errand("milk"))
    for _ in range(3):
        step_once(run_id)
    run = Run.objects.get()
    assert run.status == RunStatus.UNDOING
    assert page_of(client, run).count("will not run</span>") == 2
    carry(run_id)
    assert page_of(client, run).count("will not run</span>") == 2


def test_the_steps_behind_one_that_is_stuck_on_the_way_back_will_not_run_either(operator, client, world):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [Refused("too_late")]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == RunStatus.STUCK
    assert page_of(client, run).count("will not run</span>") == 1


def test_the_steps_that_are_still_to_come_have_not_started(operator, client, world):
    text = page_of(client, open_run())
    assert "will not run" not in text
    assert text.count("not started</span>") >= 5


# --- The acts ------------------------------------------------------------------------------------------------------


def test_every_act_is_listed_with_what_was_before_and_after(operator, client, world):
    run = stuck(world)
    desk.set_input(run.pk, actor=operator, reason="They meant bread.", changes={"what": "bread"})
    desk.retry_now(run.pk, actor=operator, reason="Now.")
    text = client.get(reverse("admin:sagas_act_changelist")).content.decode()
    assert "<small>Input what: milk → bread</small>" in text
    assert "<small>Status: stuck → running</small>" in text


def test_an_order_is_found_by_its_bare_number(operator, client, world):
    stuck(world)
    assert listed(client, q="100001") == ["S-100001 ann@example.com"]
