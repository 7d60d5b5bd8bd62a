"""A run that fails for long is on a person's desk and still tried; what is our own failure spends no attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery.utils.serialization import get_pickleable_exception, get_pickled_exception
from django.core.management import call_command
from django.db import connection

from outbox.messages import codec
from sagas import Refused, Retry, RetryAfter, desk
from sagas.desk.selection import matching, parse_filter
from sagas.models import Act, Run, Step
from sagas.presentation.advice import advice_for
from sagas.presentation.labels import meaning_of, run_badge
from sagas.presentation.statistics import figures
from tests.support.sagas import errand as module
from tests.support.sagas.driver import begin, carry, carry_until_asked, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
FAILS = RuntimeError("carrier: answered 500")
LOST = TimeoutError("no answer")
OPERATOR = desk.Person("ann")
UNTIL_DONE = Retry.until_done(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=50))


@pytest.fixture(autouse=True)
def soon(settings, monkeypatch):
    """A person is asked after three failures of a step that is tried until it is done, as `deliver` now is."""
    settings.SAGAS_ASK_AFTER = 3
    monkeypatch.setattr(module.deliver, "retry", UNTIL_DONE)


def test_who_fails_for_long_is_on_the_desk_and_still_tried_and_leaves_it_by_itself(world, capsys):
    world.faults["deliver"] = [FAILS] * 5
    run = carry_until_asked(begin(errand, Errand("milk")))
    assert (run.status, run.reported_status, run.needs_person) == ("running", "stuck", True)
    assert run.steps.get(name="deliver").attempts == 3
    assert world.statuses == ["stuck"]
    assert (figures().stuck, figures().in_progress) == (1, 0)
    assert figures().oldest_stuck is not None
    counts = [matching(parse_filter(f"status={state}")).count() for state in ("stuck", "in_progress", "open")]
    assert counts == [1, 0, 1]
    assert "answered 500" in run.reason
    assert "Ask the participant" in advice_for(run)
    assert "still being tried" in meaning_of(run)
    call_command("saga", "show", str(run.pk))
    shown = capsys.readouterr().out
    assert all(words in shown for words in (run_badge(run).text, "What to do:", "ask_for_a_person"))
    step_once(run.pk)
    assert Run.objects.get().needs_person, "the next failure leaves it there, and asks for nobody twice"
    assert carry(run.pk).status == "completed"
    assert not Run.objects.get().needs_person
    assert world.statuses == ["stuck", "running", "completed"]
    assert list(Act.objects.values_list("actor_name", "verb")) == [
        ("the engine", "ask_for_a_person"),
        ("the engine", "go_on_by_itself"),
    ]


def test_an_undo_that_is_tried_until_it_is_done_asks_too(world, monkeypatch):
    monkeypatch.setattr(module.wrap, "undo_retry", UNTIL_DONE)
    world.faults |= {"pay": [Refused("card_declined")], "unwrap": [FAILS] * 4}
    run = carry_until_asked(begin(errand, Errand("milk")))
    assert (run.status, run.reported_status, run.code) == ("undoing", "stuck", "card_declined")
    assert carry(run.pk).status == "compensated"
    assert world.statuses == ["undoing", "stuck", "undoing", "compensated"]


def test_a_step_that_is_turned_away_for_ever_asks(world):
    world.faults["deliver"] = [RetryAfter(timedelta(milliseconds=1), "our access is refused with 401")] * 4
    run = carry_until_asked(begin(errand, Errand("milk")))
    assert "401" in run.reason
    assert carry(run.pk).status == "completed"


def test_a_step_that_loses_worker_after_worker_asks(world):
    run_id = begin(errand, Errand("milk"))
    while Run.objects.get().position < 4:
        step_once(run_id)
    Step.objects.filter(name="deliver").update(attempts=3, status="waiting")
    world.faults["deliver"] = [lambda: world.awaited.append(Run.objects.get().needs_person)]
    assert carry(run_id).status == "completed"
    assert world.awaited == [True]


@pytest.mark.parametrize("act", ["retry", "skip", "resolve", "compensate"])
def test_an_operator_can_act_as_on_one_that_is_stuck(world, act):
    world.faults["deliver"] = [FAILS] * 4
    run = carry_until_asked(begin(errand, Errand("milk")))
    assert desk.allowed(run, act) == (act != "compensate")
    if act == "retry":
        desk.retry_now(run.pk, actor=OPERATOR, reason="the carrier is well")
        assert not Run.objects.get().needs_person
        assert carry_until_asked(run.pk).needs_person, "it failed again"
        assert world.statuses == ["stuck", "running", "stuck"]
    elif act == "skip":
        desk.skip(run.pk, actor=OPERATOR, reason="sent by hand", result="T-1")
        assert world.statuses == ["stuck", "completed"]
    elif act == "resolve":
        desk.resolve(run.pk, actor=OPERATOR, reason="sent by hand", ended="completed")
        assert (Run.objects.get().status, world.statuses) == ("resolved", ["stuck", "resolved"])


def test_a_refusal_after_it_asked_tells_the_host_the_new_reason(world, monkeypatch):
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(errand, "status_hook", lambda change: heard.append((change.after, change.reason)))
    world.faults["deliver"] = [FAILS] * 3 + [Refused("nobody_home")]
    run = carry(begin(errand, Errand("milk")))
    assert (run.status, run.asks_since) == ("stuck", None)
    assert [(after, "nobody_home" in reason) for after, reason in heard] == [("stuck", False), ("stuck", True)]


def drop_session() -> None:
    """End this connection's session at the server, in the middle of whatever it is about."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize(
    ("faults", "step", "ends"),
    [
        ({"fetch": [LOST, LOST, drop_session]}, "fetch", "completed"),
        ({"pay": [LOST, LOST, LOST], "probe": [None]}, "pay", "completed"),
        ({"pay": [Refused("card_declined")], "unwrap": [LOST, LOST, drop_session]}, "wrap", "compensated"),
    ],
    ids=["step", "probe", "undo"],
)
def test_a_dropped_session_at_the_last_attempt_spends_none_and_turns_nothing(world, monkeypatch, faults, step, ends):
    world.faults |= faults
    if step == "pay":
        answers = [drop_session, lambda: "found"]
        monkeypatch.setattr(module.pay, "probe_run", lambda _ctx: answers.pop(0)())
    run = carry(begin(errand, Errand("milk")))
    assert run.status == ends
    outcomes = [
        one.outcome for one in run.attempts.filter(step=step, direction="undo" if step == "wrap" else "forward")
    ]
    assert outcomes == ["in_doubt", "in_doubt", "ours", "done"]
    assert "server closed the connection" in run.attempts.get(outcome="ours").error_text


def test_a_hook_that_always_fails_reaches_the_desk_and_spends_nothing(world, monkeypatch):
    def fail(ctx, result):
        raise KeyError("customer")

    monkeypatch.setattr(module.fetch, "recorded_run", fail)
    run = carry_until_asked(begin(errand, Errand("milk")))
    step = run.steps.get(name="fetch")
    assert (step.own_failures, step.error_code) == (3, "own_failure")
    assert "KeyError" in run.reason
    assert "our own failure" in advice_for(run)
    monkeypatch.setattr(module.fetch, "recorded_run", None)
    assert carry(run.pk).status == "completed"


@pytest.mark.parametrize("result", ["a\x00b", "a\ud800b"])
def test_a_result_that_no_database_stores_is_cleaned(world, monkeypatch, result):
    monkeypatch.setattr(module.fetch, "run", lambda ctx: result)
    run = carry(begin(errand, Errand("milk")))
    assert (run.status, run.steps.get(name="fetch").result) == (
        "completed",
        result.replace("\x00", "").replace("\ud800", "�"),
    )


def test_a_result_that_json_cannot_carry_is_a_persons_matter_at_once(world, monkeypatch):
    monkeypatch.setattr(module.fetch, "run", lambda ctx: object())
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    run = Run.objects.get()
    assert run.needs_person
    assert "errand.fetch is done, and what it returned cannot be kept as JSON" in run.reason


def test_the_result_of_a_later_step_is_refused_with_words(world, monkeypatch):
    monkeypatch.setattr(module.fetch, "run", lambda ctx: ctx.result_of(module.pay))
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    assert Run.objects.get().needs_person
    assert "errand.fetch asks for the result of pay, which is no step before it" in Run.objects.get().reason


@pytest.mark.parametrize("code", ["no\x00body", "no\ud800body", "x" * 600])
def test_a_refusal_with_any_code_is_written_down(world, code):
    world.faults["fetch"] = [Refused(code, code)]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "compensated"
    assert len(run.code) <= 100


def test_errors_come_back_whole_from_another_process():
    for error in (Refused("no", "No."), RetryAfter(timedelta(seconds=2), "busy")):
        again = get_pickled_exception(get_pickleable_exception(error))  # as Celery hands it on
        assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)


def test_text_that_cannot_be_stored_is_cleaned_wherever_it_stands():
    assert codec.storable({"a\x00": ["\ud800", 1, None]}) == '{"a":["�",1,null]}'


def test_a_run_of_many_attempts_is_shown_by_its_latest(world, capsys, monkeypatch):
    monkeypatch.setattr("sagas.presentation.text_tables.LATEST_ATTEMPTS", 3)
    world.faults["deliver"] = [FAILS] * 4
    run = carry(begin(errand, Errand("milk")))
    call_command("saga", "show", str(run.pk))
    shown = capsys.readouterr().out
    assert "deliver 3" in shown
    assert "deliver 2" not in shown
    assert "Earlier attempts are left out: these are the latest 3." in shown
