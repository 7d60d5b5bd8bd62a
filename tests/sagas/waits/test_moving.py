"""An operator moves or ends what a run waits for: recorded, with a reason, and a worker looks again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from sagas import WrongState, desk
from sagas.engine.continuation import CONTINUE
from sagas.models import Act, Run, Wait
from sagas.testing import time_passes
from tests.support.sagas.clock import pass_the_deadline, woken_in
from tests.support.sagas.crossing import HOURS, patience
from tests.support.sagas.driver import begin, carry, step_once

from .conftest import IN_A_MONTH, due_at

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def moored():
    run_id = begin(patience, IN_A_MONTH)
    step_once(run_id)
    step_once(run_id)
    return run_id


@pytest.mark.parametrize("by", [-20 * DAY, 20 * DAY])
def test_a_date_is_moved_sooner_and_later(moored, ann, by):
    due = due_at() + by
    desk.postpone(moored, actor=ann, reason="The tide is another.", due=due)
    step_once(moored)
    assert due_at() == due
    assert woken_in(moored) == pytest.approx((due - datetime.now(UTC)).total_seconds(), abs=60)
    record = Act.objects.get()
    assert (record.verb, record.actor, record.reason) == ("postpone", ann, "The tide is another.")
    assert record.before["due_at"] != record.after["due_at"] == due.isoformat(timespec="minutes")


def test_an_ended_wait_counts_as_over(moored, ann):
    desk.end_wait(moored, actor=ann, reason="The tide is here.")
    assert step_once(moored) is CONTINUE
    assert Run.objects.get().status == "completed"


def test_a_signal_whose_wait_is_ended_did_not_come(waiting, ann):
    desk.end_wait(waiting, actor=ann, reason="They will not answer.")
    assert carry(waiting).code == "no_answer"


def test_the_limit_of_a_signal_is_moved_while_the_run_is_paused(waiting, ann):
    desk.pause(waiting, actor=ann, reason="wait")
    desk.postpone(waiting, actor=ann, reason="They asked for time.", due=due_at() + HOURS)
    time_passes(HOURS)
    desk.resume(waiting, actor=ann, reason="go on")
    step_once(waiting)
    assert Run.objects.get().status == "running"


@pytest.mark.parametrize(
    ("due", "told"),
    [
        ("2020-01-01T00:00", "Give a time that is still to come"),
        ("", "Give a time that is still to come"),
        ("tomorrow", "'tomorrow' is no time"),
        ("2999-01-01T00:00", "undone at its own deadline"),
    ],
)
def test_a_time_that_cannot_be_is_refused(moored, ann, due, told):
    with pytest.raises(desk.DoesNotFit, match=told):
        desk.postpone(moored, actor=ann, reason="x", due=due)
    assert not Act.objects.exists()


@pytest.mark.parametrize(("verb", "given"), [(desk.postpone, {"due": "2999-01-01T00:00"}), (desk.end_wait, {})])
def test_a_run_that_waits_for_nothing_of_the_kind_is_left_alone(waiting, ann, verb, given):
    Wait.objects.update(over_at=due_at())
    with pytest.raises(WrongState, match="not waiting for a date"):
        verb(waiting, actor=ann, reason="x", **given)


def test_a_run_that_is_being_undone_waits_for_nothing(moored, ann):
    pass_the_deadline()
    step_once(moored)
    assert not desk.allowed(Run.objects.get(), "end_wait")
    with pytest.raises(WrongState):
        desk.end_wait(moored, actor=ann, reason="x")


def test_the_command_line_moves_a_date_and_says_it(moored, capsys):
    call_command("saga", "postpone", str(moored), until="2027-01-02T08:00", reason="Later.")
    assert due_at() == datetime(2027, 1, 2, 8, tzinfo=UTC)
    call_command("saga", "show", str(moored))
    told = capsys.readouterr().out
    assert re.search(r"waits until +2027-01-02 08:00:00", told)
    call_command("saga", "end-wait", str(moored), reason="Now.")
    assert step_once(moored) is CONTINUE
