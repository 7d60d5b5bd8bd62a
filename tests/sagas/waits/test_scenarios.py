"""Scenarios of a host's tests speak of waits: signals, answers, and the time that passes."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from sagas.testing import ScenarioError, given
from tests.support.sagas.crossing import (
    Offer,
    Terms,
    crossing,
    draft,
    granted,
    hold_berth,
    lay_in_store,
    patience,
    permit,
    reserve,
    supplier_answered,
)

from .conftest import IN_A_MONTH

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def boss():
    return get_user_model().objects.create_superuser("boss")


def test_a_signal_comes_while_the_run_waits():
    story = given(crossing, IN_A_MONTH).calling_participants().signals(supplier_answered, Offer(5))
    run = story.expect_completed().run
    assert run.steps.get(name="sail").result == 5


def test_without_a_signal_time_passes_and_the_run_is_undone():
    run = given(crossing, IN_A_MONTH).expect_undone(lay_in_store).run
    assert run.code == "no_answer"


def test_a_date_is_waited_for_in_no_time():
    given(patience, IN_A_MONTH).expect_completed()


def test_a_person_says_yes(boss):
    story = given(permit, IN_A_MONTH).calling_participants().approves(granted, Terms("7a"), by=boss)
    assert story.expect_completed().run.steps.get(name="enter").result == "draft 1 at 7a"


def test_a_person_sends_back_and_then_says_no(boss):
    story = given(permit, IN_A_MONTH).sends_back(granted, draft, "Name the ship.", by=boss)
    run = story.declines(granted, "It is full.", by=boss).expect_undone(hold_berth).run
    assert run.code == "not_approved"
    assert run.attempts.filter(step="draft").count() == 2


def test_a_step_that_does_not_wait_takes_no_signal():
    with pytest.raises(ScenarioError, match=r"reserve does not wait: say \.when\(reserve\)"):
        given(crossing, IN_A_MONTH).signals(reserve, None)
