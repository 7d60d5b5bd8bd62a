"""Late workers and doubt: where guessing would be easy, and wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from sagas import Refused, RetryAfter, Saga, StepContext, TooLate, WrongState, desk, sql
from sagas.declare import registry
from sagas.engine import transitions
from sagas.engine.continuation import STOP, RetryIn, SwitchChain
from sagas.models import Attempt, Run, Step
from tests.support.sagas import errand as module
from tests.support.sagas.driver import begin, carry, carry_until_asked, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")
PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


def at_pivot(key="key-1"):
    """A run whose next step is the pivot."""
    run_id = begin(errand, Errand("milk"), key=key)
    for _ in range(3):
        step_once(run_id)
    return run_id


def lapse(name):
    """The lease of whoever has the step in hand runs out."""
    Step.objects.filter(name=name).update(lease_until=PAST)


def die():
    raise KeyboardInterrupt


def kill_three_workers(run_id, world, call, step):
    for _ in range(3):
        world.faults[call] = [die]
        with pytest.raises(KeyboardInterrupt):
            step_once(run_id)
        lapse(step)


# --- Workers that come too late ------------------------------------------------------------------------------------


def test_a_late_answer_of_the_pivot_does_not_revive_a_run_that_is_being_undone(world, ann):
    run_id = at_pivot()

    def overtaken():
        lapse("pay")
        desk.compensate(run_id, actor=ann, reason="no")

    world.faults["pay"] = [overtaken]
    assert step_once(run_id) == STOP
    run = Run.objects.get()
    assert (run.status, run.steps.get(name="pay").status) == ("undoing", "undo_due")
    assert carry(run_id).status == "completed", "it did happen, so that asking found it"


def test_a_late_answer_of_a_step_without_an_undo_does_not_revive_a_run_that_was_undone(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)

    def overtaken():
        lapse("think")
        errand.cancel("key-1", reason="changed my mind", actor="customer")
        assert carry(run_id).status == "compensated"

    world.faults["think"] = [overtaken]
    assert step_once(run_id) == STOP
    assert Run.objects.get().status == "compensated"


def test_a_late_refusal_does_not_turn_a_run_around_twice(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)

    def overtaken():
        lapse("think")
        errand.cancel("key-1", reason="changed my mind", actor="customer")
        assert carry(run_id).status == "compensated"
        raise Refused("nonsense")

    world.faults["think"] = [overtaken]
    step_once(run_id)
    run = Run.objects.get()
    assert (run.status, run.code, world.statuses) == ("compensated", "cancelled", ["undoing", "compensated"])


def test_no_attempt_is_left_open_when_a_run_turns_around(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [die]
    with pytest.raises(KeyboardInterrupt):
        step_once(run_id)
    lapse("fetch")
    Run.objects.update(deadline_at=PAST)
    assert isinstance(step_once(run_id), SwitchChain)
    carry(run_id)
    assert not Attempt.objects.filter(ended_at=None).exists()


def test_a_step_that_nobody_may_take_does_not_keep_links_waiting(world):
    run_id = begin(errand, Errand("milk"))
    Step.objects.filter(name="fetch").update(status="undone")
    assert step_once(run_id) == STOP


# --- Doubt ---------------------------------------------------------------------------------------------------------


def test_an_operators_retry_does_not_hide_that_the_pivot_was_asked_before(world, ann):
    run_id = at_pivot()
    world.faults["pay"] = [("after", LOST), Refused("card_declined")]
    step_once(run_id)
    desk.retry_now(run_id, actor=ann, reason="hurry")
    assert carry(run_id).status == "completed"


@pytest.mark.parametrize("undo", [False, True])
def test_an_operators_retry_tries_again_after_workers_were_lost(world, ann, undo):
    run_id = at_pivot()
    call, step = ("unwrap", "wrap") if undo else ("pay", "pay")
    if undo:
        world.faults["pay"] = [Refused("card_declined")]
        step_once(run_id)
    kill_three_workers(run_id, world, call, step)
    assert carry(run_id).status == "stuck"
    desk.retry_now(run_id, actor=ann, reason="the worker is mended")
    assert carry(run_id).status == ("compensated" if undo else "completed")
    assert world.log.count(call) == 1


def test_compensating_a_pivot_in_doubt_asks_first_and_goes_forward_when_it_did_happen(world, ann):
    world.faults["pay"] = [("after", LOST), LOST, LOST]
    world.faults["probe"] = [LOST]
    run_id = carry(begin(errand, Errand("milk"))).id
    desk.compensate(run_id, actor=ann, reason="they think it failed")
    run = carry(run_id)
    assert run.status == "completed"
    assert {step.status for step in run.steps.all()} == {"done"}
    assert "unwrap" not in world.log
    assert run.steps.get(name="pay").result == "found"
    assert world.statuses == ["stuck", "undoing", "running", "completed"]


def test_compensating_a_pivot_in_doubt_undoes_nothing_while_nobody_answers(world, ann):
    world.faults["pay"] = [("after", LOST), LOST, LOST]
    world.faults["probe"] = [LOST, LOST]
    run_id = carry(begin(errand, Errand("milk"))).id
    desk.compensate(run_id, actor=ann, reason="they think it failed")
    run = carry(run_id)
    assert run.status == "stuck"
    assert "unwrap" not in world.log
    desk.retry_now(run_id, actor=ann, reason="they answer again")
    assert carry(run_id).status == "completed"


def test_a_pivot_that_was_found_but_cannot_be_recorded_turns_nothing_and_is_recorded_later(world, monkeypatch):
    run_id = at_pivot()

    def fail(ctx, result):
        raise RuntimeError("the shop's table is full")

    monkeypatch.setattr(module.pay, "recorded_run", fail)
    world.faults["pay"] = [("after", LOST), LOST, LOST]
    run = carry_until_asked(run_id)
    assert run.status == "running"
    assert "the shop's table is full" in run.reason
    monkeypatch.setattr(module.pay, "recorded_run", None)
    assert carry(run_id).status == "completed"
    assert len(world.keys["pay"]) == 1


# --- What is written -----------------------------------------------------------------------------------------------


class WithCode(Exception):
    """A library's error whose `code` is not a code."""

    code = None


@pytest.mark.parametrize(
    "error",
    [
        WithCode("odd"),
        Refused("x" * 101),
        Refused("no", "a\x00b"),
        ValueError("a\x00b"),
        type("E" * 300, (Exception,), {})(),
    ],
)
def test_whatever_an_error_looks_like_its_attempt_is_recorded(world, error):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [error]
    step_once(run_id)
    assert Attempt.objects.get().ended_at is not None


def test_a_result_of_none_stays_a_result_when_the_run_is_undone(world, monkeypatch):
    seen = []
    monkeypatch.setattr(module.fetch, "undo_run", lambda ctx: seen.append(ctx.result_of(module.wrap)))
    world.faults["pay"] = [Refused("card_declined")]
    assert carry(begin(errand, Errand("milk"))).status == "compensated"
    assert seen == [None]


def test_the_first_cause_outlives_an_undo_that_got_stuck(world, ann):
    world.faults["pay"] = [Refused("card_declined", "No.")]
    world.faults["unwrap"] = [LOST, LOST, LOST]
    run_id = carry(begin(errand, Errand("milk"))).id
    desk.retry_now(run_id, actor=ann, reason="again")
    run = carry(run_id)
    assert (run.status, run.code) == ("compensated", "card_declined")


def test_a_decision_made_before_the_pivot_was_asked_is_refused_after_it(world, ann):
    run_id = at_pivot()
    seen = Run.objects.get().row_version
    world.faults["pay"] = [("after", LOST)]
    step_once(run_id)
    with pytest.raises(WrongState, match="no longer as you saw it"):
        desk.compensate(run_id, actor=ann, reason="never asked, so safe", row_version=seen)


# --- Waits ---------------------------------------------------------------------------------------------------------


def test_a_long_wait_before_the_pivot_ends_at_the_deadline(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [RetryAfter(timedelta(hours=1))]
    assert step_once(run_id) == STOP, "no message waits that long"
    run = Run.objects.get()
    assert run.wake_at == run.deadline_at


def test_a_cancel_during_an_attempt_that_has_to_wait_turns_the_run_at_once(world):
    run_id = begin(errand, Errand("milk"))

    def cancel_and_wait():
        errand.cancel("key-1", reason="changed my mind", actor="customer")
        raise RetryAfter(timedelta(hours=1))

    world.faults["fetch"] = [cancel_and_wait]
    step_once(run_id)
    assert carry(run_id).status == "compensated"


def test_a_participant_that_wants_to_be_asked_at_once_is_not(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [RetryAfter(timedelta(0))]
    verdict = step_once(run_id)
    assert isinstance(verdict, RetryIn)
    assert 1 <= verdict.seconds <= 1.25


def test_without_a_pivot_a_cancel_during_the_last_step_is_too_late():
    saga = Saga[Errand]("pivotless")
    try:

        @saga.step(undo=None)
        def only(ctx: StepContext[Errand]) -> None:
            with pytest.raises(TooLate):
                saga.cancel("key-1", reason="changed my mind", actor="customer")

        run_id = begin(saga, Errand("milk"))
        step_once(run_id)
        run = Run.objects.get()
        assert (run.status, run.cancel_requested_at) == ("completed", None)
    finally:
        registry.forget(saga)


def test_a_step_that_nobody_will_try_again_no_longer_says_that_it_waits(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    world.faults["think"] = [LOST]
    step_once(run_id)
    errand.cancel("key-1", reason="changed my mind", actor="customer")
    run = carry(run_id)
    assert run.status == "compensated"
    think = run.steps.get(name="think")
    assert (think.status, think.next_attempt_at) == ("in_doubt", None)


def test_a_step_that_was_surely_not_applied_counts_as_not_started_when_the_run_is_undone(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    world.faults["think"] = [RetryAfter(timedelta(seconds=1), "closed")]
    step_once(run_id)
    errand.cancel("key-1", reason="changed my mind", actor="customer")
    assert carry(run_id).steps.get(name="think").status == "pending"


def test_a_pivot_in_doubt_that_returns_nothing_is_found_to_have_returned_nothing(world):
    """JSON's null, not SQL's: a later step may ask for it."""
    run_id = begin(errand, Errand("milk"))
    with transaction.atomic():
        run = transitions.locked(run_id)
        transitions.turn_forward(run, run.steps.get(name="pay"), "null")
    assert sql.RESULT.rows({"run": run_id, "name": "pay"}) == [("null",)]
