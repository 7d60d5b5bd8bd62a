"""A step of best effort that fails is recorded, shown and passed over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sagas import NotApplied, Retry, Saga, SagaDeclarationError, StepContext
from sagas.models import Run
from sagas.participants.breaker import open_by_hand
from sagas.presentation.diagram import table
from sagas.presentation.known import known_of
from sagas.testing import given
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.picnic import Picnic, decorate, invite, pack, picnic, set_off, told, wave

pytestmark = pytest.mark.django_db(transaction=True)
PARK = Picnic("the park")


@pytest.fixture(autouse=True)
def _nothing_told():
    told.clear()


def story(where: str = "the park"):
    scenario = given(picnic, Picnic(where)).when(pack).returns("a basket").when(decorate).returns("flowers")
    return scenario.when(set_off).returns("gone")


def step_of(run: Run, name: str):
    return run.steps.get(name=name)


def test_a_refusal_is_recorded_and_passed_over():
    run = story().when(decorate).refuses("no_flowers").expect_completed().expect_passed_over(decorate).run
    step = step_of(run, "decorate")
    assert (step.status, step.error_code, step.attempts, step.result) == ("passed_over", "no_flowers", 1, None)
    assert run.attempts.get(step="decorate").outcome == "refused"
    assert (run.code, run.reason) == ("", "")


def test_behind_the_pivot_a_refusal_is_passed_over_and_ends_the_run():
    story().when(wave).refuses("rain").expect_completed().expect_passed_over(wave)


def test_spent_attempts_are_passed_over():
    story().when(decorate).fails(times=None).expect_completed().expect_passed_over(decorate).expect_attempts(
        decorate, 3
    )


def test_a_participant_that_is_away_holds_it_no_longer_than_its_attempts():
    told_off = story().when(decorate).retry_after(timedelta(hours=1), times=None)
    told_off.expect_completed().expect_passed_over(decorate).expect_attempts(decorate, 3)


def test_an_open_breaker_holds_it_no_longer_either():
    open_by_hand("florist", "closed for the winter")
    run_id = begin(picnic, PARK)
    run = carry(run_id)
    assert run.status == "completed"
    assert [step_of(run, name).status for name in ("decorate", "wave")] == ["passed_over", "passed_over"]
    assert step_of(run, "decorate").attempts == 3
    assert [known.badge.text for known in known_of([step_of(run, "decorate")])] == ["Surely without effect"]


def test_workers_that_are_lost_are_passed_over_and_the_probe_is_asked_first():
    story().when(decorate).worker_lost(times=3).expect_completed().expect_passed_over()
    silent = story().when(decorate).worker_lost(times=3).when_probing(decorate).fails()
    silent.expect_completed().expect_passed_over(decorate)


def test_a_lost_answer_that_the_probe_finds_is_done():
    run = story().when(decorate).answer_lost(times=None).expect_completed().expect_passed_over().run
    assert step_of(run, "decorate").status == "done"


def test_what_may_have_happened_is_undone_with_the_others():
    doubt = story().when(decorate).answer_lost(times=None).when_probing(decorate).fails(times=None)
    doubt.when(set_off).refuses("no_train").expect_undone(decorate)


def test_what_surely_did_not_happen_is_not_undone():
    story().when(decorate).refuses("no_flowers").when(set_off).refuses("no_train").expect_undone()
    gone = story().when(decorate).fails(times=None).when_probing(decorate).finds(NotApplied(), times=None)
    gone.when(set_off).refuses("no_train").expect_undone()


def test_a_later_step_reads_none_of_it():
    assert carry(begin(picnic, PARK)).steps.get(name="set_off").result == "with flowers and a letter"
    bare = given(picnic, PARK).calling_participants().when(decorate).refuses("no_flowers")
    run = bare.expect_completed().run
    assert step_of(run, "set_off").result == "with None and a letter"


def test_a_local_one_that_raises_is_rolled_back_and_passed_over():
    run = carry(begin(picnic, Picnic("nowhere")))
    assert (run.status, step_of(run, "invite").status) == ("completed", "passed_over")
    assert step_of(run, "invite").error_text == "no address"
    assert [known.badge.text for known in known_of([step_of(run, "invite")])] == ["Surely without effect"]


def test_a_cancel_that_came_meanwhile_still_undoes():
    story().when(decorate).refuses("no_flowers").cancelled_before(invite).expect_undone()


def test_show_saga_marks_it():
    row = next(line for line in table(picnic).splitlines() if " decorate " in line)
    assert row.endswith("probe, best effort")


def test_one_that_is_tried_until_it_is_done_is_refused():
    saga = Saga[Picnic]("endless picnic", version=1)
    with pytest.raises(SagaDeclarationError, match="the run would never pass over it"):

        @saga.step(best_effort=True, retry=Retry.until_done())
        def sing(ctx: StepContext[Picnic]) -> None: ...


def test_anything_but_true_is_refused():
    saga = Saga[Picnic]("vague picnic", version=1)
    with pytest.raises(SagaDeclarationError, match="best_effort='yes'; give True"):

        @saga.step(best_effort="yes")  # type: ignore[call-overload]
        def sing(ctx: StepContext[Picnic]) -> None: ...
