"""The test kit that comes with the engine, used as a host project would use it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from sagas import NotApplied, StepContext, TooLate, desk
from sagas.models import Run, Step
from sagas.testing import ScenarioError, given, story, time_passes, walk
from tests.support.sagas import errand as module
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, deliver, errand, fetch, pay, think, wrap

pytestmark = pytest.mark.django_db


def milk():
    """A story of an errand, whose steps return what they must."""
    scenario = given(errand, Errand("milk"))
    return scenario.when(fetch).returns("milk").when(pay).returns("a bill").when(deliver).returns("a note")


# --- What the kit plays --------------------------------------------------------------------------------------------


def test_a_story_in_which_nothing_goes_wrong_completes_and_calls_no_participant(world):
    milk().expect_completed().expect_attempts(pay, 1)
    assert world.log == []


def test_hooks_run_for_real(world):
    milk().expect_completed()
    assert world.recorded == ["milk"]
    assert world.statuses == ["completed"]


def test_a_refusal_undoes_what_was_done(world):
    milk().when(pay).refuses("card_declined").expect_undone(wrap, fetch)
    assert world.statuses == ["undoing", "compensated"]


def test_a_refusal_after_lost_attempts_is_in_doubt_and_the_probe_tells_the_truth(world):
    milk().when(pay).refuses("card_declined", after=1).expect_undone(fetch, wrap)
    milk().when(pay).answer_lost().when(pay).refuses("already_paid").expect_completed()


def test_a_failure_is_tried_again_without_waiting(world):
    milk().when(wrap).fails(times=2).expect_completed().expect_attempts(wrap, 3)


def test_a_wait_of_hours_is_over_at_once(world):
    milk().when(deliver).retry_after(timedelta(hours=6), times=3).expect_completed().expect_attempts(deliver, 4)


def test_a_lost_worker_is_followed_by_another_when_its_lease_has_run_out(world):
    run = milk().when(fetch).worker_lost().expect_completed().expect_attempts(fetch, 2).run
    assert [attempt.outcome for attempt in run.attempts.filter(step="fetch")] == ["lost", "done"]


def test_a_step_that_always_fails_spends_its_budget(world):
    milk().when(wrap).fails(times=None).expect_undone(fetch, wrap).expect_attempts(wrap, 3)


def test_a_participant_that_is_away_holds_the_run_until_its_deadline(world):
    away = milk().when(fetch).fails(TimeoutError("no answer"), times=None)
    assert away.expect_undone(fetch).run.code == "deadline"


def test_an_undo_can_fail_be_lost_and_be_refused(world):
    declined = milk().when(pay).refuses("card_declined")
    declined.when_undoing(wrap).fails().when_undoing(fetch).answer_lost()
    declined.expect_undone(fetch, wrap).expect_undo_attempts(wrap, 2).expect_undo_attempts(fetch, 2)
    refused = milk().when(pay).refuses("card_declined").when_undoing(wrap).refuses("torn")
    refused.expect_stuck(code="card_declined", at=wrap)


def test_a_probe_can_have_no_answer_either_and_can_be_told_what_to_find(world):
    milk().when(pay).answer_lost(times=3).when_probing(pay).fails().expect_stuck(at=pay)
    milk().when(pay).fails(times=3).when_probing(pay).finds("a bill").expect_completed()
    milk().when(pay).fails(times=3).when_probing(pay).finds(NotApplied()).expect_stuck(at=pay)


def test_a_cancel_and_a_deadline_come_before_a_step(world):
    milk().cancelled_before(wrap).expect_undone(fetch)
    run = milk().deadline_passed_before(pay).expect_undone(fetch, wrap).run
    assert run.code == "deadline"


def test_a_cancel_after_the_pivot_is_the_tests_to_hear_of(world):
    with pytest.raises(TooLate):
        _ = milk().cancelled_before(deliver).run


def test_a_story_goes_on_after_an_operators_act(world):
    ann = get_user_model().objects.create_user("ann")
    stuck = milk().when(pay).answer_lost(times=3).when_probing(pay).fails()
    stuck.then(lambda run: desk.retry_now(run.id, actor=ann, reason="they answer again"))
    stuck.expect_completed().expect_attempts(pay, 4)


def test_the_real_functions_run_where_the_story_asks_for_them(world):
    given(errand, Errand("milk")).calling_participants().when(wrap).answer_lost().expect_completed()
    assert world.log == ["fetch", "think", "wrap", "wrap", "pay", "deliver"]


def test_the_sagas_own_functions_are_back_after_a_story(world):
    before = [(step.run, step.undo_run, step.probe_run) for step in errand.steps]
    milk().expect_completed()
    assert [(step.run, step.undo_run, step.probe_run) for step in errand.steps] == before


# --- What the kit complains of -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        (lambda story: story.expect_undone(fetch), "should end undone; it is completed"),
        (lambda story: story.expect_stuck(), "should end stuck; it is completed"),
        (lambda story: story.expect_attempts(pay, 2), "pay should be tried 2 times; it was 1"),
    ],
)
def test_an_expectation_that_does_not_hold_is_told_with_the_runs_story(world, expect, complaint):
    with pytest.raises(AssertionError) as caught:
        expect(milk())
    assert complaint in str(caught.value)
    assert "done: Deliver, attempt 1" in str(caught.value)


def test_too_few_and_too_many_undone_steps_are_told(world):
    for steps in [(fetch,), (fetch, wrap, think)]:
        with pytest.raises(AssertionError, match="it was wrap, fetch"):
            milk().when(pay).refuses("card_declined").expect_undone(*steps)


def test_what_a_step_returns_must_be_said(world):
    with pytest.raises(ScenarioError, match=r"fetch returns a str.*\.when\(fetch\)\.returns\(str\(\.\.\.\)\)"):
        given(errand, Errand("milk")).expect_completed()


def test_a_call_under_another_key_is_told(world, monkeypatch):
    keys = iter("abcdefgh")
    monkeypatch.setattr("sagas.engine.work.step_key", lambda run_id, step: next(keys))
    with pytest.raises(ScenarioError, match="one call, one key"):
        milk().when(fetch).fails().expect_completed()


def test_a_story_cannot_be_changed_once_it_was_played(world):
    played = milk().expect_completed()
    with pytest.raises(ScenarioError, match="has been played"):
        played.when(fetch)


def test_a_step_that_fails_for_ever_is_told(world, monkeypatch):
    monkeypatch.setattr(deliver, "retry", module.QUICK.until_done())
    with pytest.raises(ScenarioError, match="still running at step 4"):
        milk().when(deliver).fails(times=None).expect_completed()


def times_of(run_id):
    fetch_it = Step.objects.get(run_id=run_id, name="fetch")
    return [fetch_it.run.deadline_at, fetch_it.run.ready_at or fetch_it.run.wake_at, fetch_it.lease_until]


# --- Its parts -----------------------------------------------------------------------------------------------------


def test_time_passes_for_leases_waits_and_deadlines(world):
    run_id = begin(errand, Errand("milk"))
    Step.objects.filter(name="fetch").update(lease_until=Run.objects.get().created_at)
    before = times_of(run_id)
    time_passes(timedelta(minutes=10))
    assert [was - is_ for was, is_ in zip(before, times_of(run_id), strict=True)] == [timedelta(minutes=10)] * 3


def test_a_run_is_walked_to_its_end_with_its_real_functions(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [TimeoutError("no answer")]
    assert walk(run_id).status == "completed"
    assert world.log == ["fetch", "think", "wrap", "pay", "deliver"]


def test_the_story_of_a_run_is_told_in_words(world):
    told = story(milk().when(wrap).fails().expect_completed().run)
    assert "accepted: Accepted" in told
    assert "no clear answer: it may have happened: Wrap, attempt 1. no answer" in told


def test_a_step_is_given_what_the_story_says_of_an_earlier_one(world, monkeypatch):
    seen = []

    def deliver_it(ctx: StepContext[Errand]) -> str:
        seen.append(ctx.result_of(pay))
        return "a note"

    monkeypatch.setattr(deliver, "run", deliver_it)
    monkeypatch.setattr(deliver, "local", True)
    given(errand, Errand("milk")).when(fetch).returns("milk").when(pay).returns("a bill").expect_completed()
    assert seen == ["a bill"]
