"""An operator and a worker at the same moment, over two connections: exactly one is first, and the other finds out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from sagas import RetryAfter, WrongState, desk, sql
from sagas.engine import executor
from sagas.engine.continuation import CONTINUE, STOP, Continuation, RetryIn
from sagas.models import Run
from tests.concurrency.meanwhile import Meanwhile
from tests.support.sagas.driver import begin, link, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


def work(run_id) -> Continuation:
    return executor.run_step(link(Run.objects.get(pk=run_id), "fetch"))


def claim(run_id):
    """A worker's claim of the first step, in the caller's transaction."""
    given = {"run": run_id, "position": 0, "version": 1, "lease": 30, "worker": "w", "task": "t", "traceparent": ""}
    assert sql.claim(given, undo=False) is not None


def test_a_claim_that_comes_while_a_run_is_being_paused_takes_nothing(world, ann):
    run_id = begin(errand, Errand("milk"))
    worker = Meanwhile(lambda: work(run_id))
    with transaction.atomic():
        desk.pause(run_id, actor=ann, reason="wait")
        worker.waits()
    worker.ends()
    assert worker.came == STOP
    assert world.log == []


def test_a_pause_that_comes_while_a_step_is_being_claimed_lets_that_one_step_end(world, ann):
    run_id = begin(errand, Errand("milk"))
    operator = Meanwhile(lambda: desk.pause(run_id, actor=ann, reason="wait"))
    with transaction.atomic():
        claim(run_id)
        operator.waits()
    operator.ends()
    assert operator.raised is None
    run = Run.objects.get()
    assert run.paused_at is not None
    assert run.steps.get(position=0).status == "running"


def test_a_claim_that_comes_while_a_retry_is_being_ordered_takes_the_step_once(world, ann):
    world.faults["fetch"] = [RetryAfter(timedelta(minutes=3))]
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    worker = Meanwhile(lambda: work(run_id))
    with transaction.atomic():
        desk.retry_now(run_id, actor=ann, reason="now")
        worker.waits()
    worker.ends()
    assert isinstance(worker.came, RetryIn), "it still saw the step waiting, and comes again at once"
    assert worker.came.seconds < 1
    assert work(run_id) == CONTINUE
    assert world.log == ["fetch"]


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        (desk.retry_now, {}),
        (desk.skip, {"result": "x"}),
        (desk.compensate, {}),
        (desk.set_input, {"changes": {"what": "bread"}}),
        (desk.move, {"version": 2}),
    ],
)
def test_an_act_that_comes_while_a_step_is_being_claimed_is_refused(world, ann, verb, given):
    run_id = begin(errand, Errand("milk"))
    operator = Meanwhile(lambda: verb(run_id, actor=ann, reason="now", **given))
    with transaction.atomic():
        claim(run_id)
        operator.waits()
    operator.ends()
    assert isinstance(operator.raised, WrongState)
    assert "in a worker's hands at fetch" in str(operator.raised)
    assert not Run.objects.get().acts.exists()


def test_of_two_operators_who_saw_the_same_run_one_acts(world, ann):
    run_id = begin(errand, Errand("milk"))
    seen = Run.objects.get().row_version
    second = Meanwhile(lambda: desk.skip(run_id, actor=ann, reason="b", result="x", row_version=seen))
    with transaction.atomic():
        desk.skip(run_id, actor=ann, reason="a", result="x", row_version=seen)
        second.waits()
    second.ends()
    assert "no longer as you saw it" in str(second.raised)
    assert [act.reason for act in Run.objects.get().acts.all()] == ["a"]
