"""Pause and resume: nobody takes a step of a paused run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db.models import F
from django.utils import timezone

from outbox.models import OutboxMessage
from sagas import Refused, RetryAfter, WrongState, desk
from sagas.engine.continuation import STOP
from sagas.models import Run
from tests.support.sagas.clock import pass_the_deadline, woken_in
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


def test_nobody_takes_a_step_of_a_paused_run(world, ann):
    run_id = begin(errand, Errand("milk"))
    desk.pause(run_id, actor=ann, reason="the bank asked us to wait")
    assert step_once(run_id) == STOP
    assert world.log == []
    run = Run.objects.get()
    assert (run.status, run.attempts.count()) == ("running", 0)


def test_a_resumed_run_goes_on_where_it_stood(world, ann):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    desk.pause(run_id, actor=ann, reason="wait")
    OutboxMessage.objects.all().delete()
    desk.resume(run_id, actor=ann, reason="go on")
    assert woken_in(run_id) <= 0
    assert '"position":1' in OutboxMessage.objects.get().payload.replace(" ", "")
    assert carry(run_id).status == "completed"


def test_the_deadline_stands_still_while_a_run_is_paused(world, ann):
    run_id = begin(errand, Errand("milk"))
    desk.pause(run_id, actor=ann, reason="wait")
    Run.objects.update(paused_at=F("paused_at") - timedelta(hours=2), deadline_at=timezone.now() - timedelta(hours=1))
    desk.resume(run_id, actor=ann, reason="go on")
    deadline = Run.objects.get().deadline_at
    assert deadline is not None
    assert timedelta(minutes=59) < deadline - timezone.now() < timedelta(minutes=61)
    assert carry(run_id).status == "completed"


def test_a_failure_of_the_last_step_in_hand_finds_no_deadline_of_a_paused_run(world, ann):
    run_id = begin(errand, Errand("milk"))

    def paused() -> None:
        desk.pause(run_id, actor=ann, reason="wait")
        pass_the_deadline()
        raise LOST

    world.faults["fetch"] = [paused]
    step_once(run_id)
    assert Run.objects.get().status == "running"


def test_a_cancel_is_found_by_the_last_step_in_hand_of_a_paused_run(world, ann):
    run_id = begin(errand, Errand("milk"))

    def paused() -> None:
        desk.pause(run_id, actor=ann, reason="wait")
        errand.cancel("key-1", reason="Changed my mind", actor="bob")
        raise LOST

    world.faults["fetch"] = [paused]
    step_once(run_id)
    assert Run.objects.get().status == "undoing"


def test_an_undo_is_paused_like_a_step(world, ann):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    desk.compensate(run_id, actor=ann, reason="please")
    desk.pause(run_id, actor=ann, reason="wait")
    assert step_once(run_id) == STOP
    assert "bring_back" not in world.log
    desk.resume(run_id, actor=ann, reason="go on")
    assert carry(run_id).status == "compensated"


def test_a_step_in_a_workers_hands_is_finished_and_is_the_last(world, ann):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [lambda: desk.pause(run_id, actor=ann, reason="wait")]
    step_once(run_id)
    run = Run.objects.get()
    assert (run.position, run.steps.get(position=0).status) == (1, "done")
    assert run.paused_at is not None
    assert step_once(run_id) == STOP


def test_a_run_that_got_stuck_while_paused_stays_stuck_when_it_is_resumed(world, ann):
    run_id = begin(errand, Errand("milk"))
    for _ in range(4):
        step_once(run_id)

    def pause():
        desk.pause(run_id, actor=ann, reason="wait")
        raise Refused("nobody_home")

    world.faults["deliver"] = [pause]
    step_once(run_id)
    with pytest.raises(WrongState, match=r"Cannot retry: the run is paused. Resume it first\."):
        desk.retry_now(run_id, actor=ann, reason="now")
    desk.resume(run_id, actor=ann, reason="go on")
    run = Run.objects.get()
    assert (run.status, run.paused_at, run.wake_at) == ("stuck", None, None)
    desk.retry_now(run_id, actor=ann, reason="now")
    assert carry(run_id).status == "completed"


def test_a_paused_run_is_not_paused_again_and_a_running_one_not_resumed(world, ann):
    run_id = begin(errand, Errand("milk"))
    with pytest.raises(WrongState, match=r"Cannot resume: the run is running. Only a paused run is resumed\."):
        desk.resume(run_id, actor=ann, reason="x")
    desk.pause(run_id, actor=ann, reason="x")
    with pytest.raises(WrongState, match="Cannot pause: the run is paused already, since 20"):
        desk.pause(run_id, actor=ann, reason="x")


def test_a_stuck_run_and_a_finished_one_are_not_paused(world, ann):
    world.faults["pay"] = [LOST, LOST, LOST]
    stuck = carry(begin(errand, Errand("milk")))
    done = carry(begin(errand, Errand("milk"), key="key-2"))
    with pytest.raises(WrongState, match=r"Cannot pause: the run is stuck. Nobody takes a step of it as it is\."):
        desk.pause(stuck.id, actor=ann, reason="x")
    with pytest.raises(WrongState, match=r"Cannot pause: the run is completed\."):
        desk.pause(done.id, actor=ann, reason="x")


@pytest.mark.parametrize("verb", [desk.retry_now, desk.compensate])
def test_a_paused_run_is_first_resumed(world, ann, verb):
    run_id = begin(errand, Errand("milk"))
    desk.pause(run_id, actor=ann, reason="x")
    with pytest.raises(WrongState, match=r"the run is paused. Resume it first\."):
        verb(run_id, actor=ann, reason="x")


def test_a_wait_that_was_not_over_is_waited_for_after_the_pause(world, ann):
    world.faults["fetch"] = [RetryAfter(timedelta(minutes=3))]
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    desk.pause(run_id, actor=ann, reason="x")
    desk.resume(run_id, actor=ann, reason="x")
    step_once(run_id)
    assert Run.objects.get().attempts.count() == 1


def test_a_run_that_waited_for_a_participant_is_tried_when_it_is_resumed(world, ann):
    run_id = begin(errand, Errand("milk"))
    Run.objects.update(waits_for="shop", wake_at=None)
    desk.pause(run_id, actor=ann, reason="x")
    assert Run.objects.get().waits_for == "shop"
    desk.resume(run_id, actor=ann, reason="x")
    assert Run.objects.get().waits_for == ""
    assert woken_in(run_id) <= 0


def test_the_records_say_paused_before_and_after(world, ann):
    run_id = begin(errand, Errand("milk"))
    desk.pause(run_id, actor=ann, reason="wait for the bank")
    desk.resume(run_id, actor=ann, reason="the bank is back")
    paused, resumed = Run.objects.get().acts.all()
    assert (paused.verb, paused.before["paused"], paused.after["paused"]) == ("pause", False, True)
    assert (resumed.verb, resumed.before["paused"], resumed.after["paused"]) == ("resume", True, False)
