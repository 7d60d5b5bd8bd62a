"""A step that waits for somebody outside: no worker is held, no attempt is spent, and it is woken when they acted."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models.functions import Now

from outbox.models import OutboxMessage
from sagas import Awaits, Refused
from sagas.engine.commands import wake
from sagas.engine.continuation import STOP, Continuation, RetryIn, SwitchChain
from sagas.models import Attempt, Run, Step
from tests.support.sagas.clock import LONG_AGO, pass_the_deadline, woken_in
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand, fetch
from tests.support.sagas.together import together

from ..testing.test_testing import milk

pytestmark = pytest.mark.django_db(transaction=True)
A_WHILE = timedelta(seconds=20)


def asked(detail: object = "sign here") -> Awaits:
    return Awaits(A_WHILE, "the customer signs", detail)


def begin_waiting(world) -> UUID:
    world.faults["fetch"] = [asked()]
    run_id = begin(errand, Errand("milk"))
    OutboxMessage.objects.all().delete()
    assert step_once(run_id) is STOP  # nothing rides on the broker meanwhile
    return run_id


def waited(verdict: Continuation) -> float:
    assert isinstance(verdict, RetryIn)
    return verdict.seconds


def waits(run_id: UUID) -> Step:
    step = Step.objects.get(run_id=run_id, name="fetch")
    assert (step.status, step.token) == ("waiting", None)
    return step


def test_it_waits_without_a_worker_and_the_hook_is_told(world):
    run_id = begin_waiting(world)
    assert waits(run_id).error_text == "the customer signs"
    assert world.awaited == ["sign here"]
    assert 19 <= woken_in(run_id) <= 23
    assert Attempt.objects.get(run=run_id).outcome == "awaits"
    assert waited(step_once(run_id)) > 15  # a stray message finds that it is not due


def test_any_number_of_looks_spends_no_attempt(world):
    run = milk().when(fetch).awaits(times=10).expect_completed().run
    assert Step.objects.get(run=run, name="fetch").attempts == 11


def test_a_wait_that_ends_in_a_no_undoes_what_was_asked_for(world):
    """The participant was asked: what it keeps of that is to be undone, though the step was refused in the end."""
    world.faults["fetch"] = [asked(), Refused("not_signed")]
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    Step.objects.update(next_attempt_at=None)
    assert carry(run_id).status == "compensated"
    assert "bring_back" in world.log


def test_its_deadline_ends_a_wait_and_undoes_it(world):
    run_id = begin_waiting(world)
    pass_the_deadline()
    assert isinstance(step_once(run_id), SwitchChain)
    assert carry(run_id).status == "compensated"
    assert world.log == ["bring_back"]


def test_a_cancel_ends_a_wait_and_undoes_it(world):
    run_id = begin_waiting(world)
    errand.cancel("key-1", reason="No longer wanted.", actor="the customer")
    assert carry(run_id).status == "compensated"
    assert world.log == ["bring_back"]


def test_woken_it_is_looked_at_now(world):
    run_id = begin_waiting(world)
    assert errand.wake("key-1")
    message = OutboxMessage.objects.get()
    assert (message.type, message.key) == ("sagas.run_ready", "key-1")
    assert carry(run_id, most=8).status == "completed"


def test_a_wake_is_part_of_the_callers_transaction(world):
    begin_waiting(world)
    with transaction.atomic():
        assert errand.wake("key-1")
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("step", ["fetch", ""])
def test_a_wake_names_the_step_or_any(world, step):
    begin_waiting(world)
    assert errand.wake("key-1", step=step)


def test_a_wake_leaves_alone_what_does_not_wait_for_it(world):
    run_id = begin_waiting(world)
    assert not errand.wake("key-2")
    assert not errand.wake("key-1", step="pay")
    Run.objects.update(waits_for="shop")
    assert not errand.wake("key-1")
    Run.objects.update(waits_for="", paused_at=Now())
    assert not errand.wake("key-1")
    Run.objects.update(paused_at=None, status="stuck")
    assert not errand.wake("key-1")
    assert waits(run_id).next_attempt_at is not None
    assert not OutboxMessage.objects.exists()


def test_a_wake_while_the_step_is_in_hand_is_not_lost(world):
    """The customer signed between our question and our writing down that they had not."""
    world.faults["fetch"] = [lambda: woken_meanwhile(asked())]
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    assert not waits(run_id).woken
    assert woken_in(run_id) < 5
    assert carry(run_id).status == "completed"


def woken_meanwhile(error: Exception) -> None:
    assert errand.wake("key-1")
    raise error


def test_a_wake_while_an_answer_is_being_lost_brings_the_next_attempt_forward(world, monkeypatch):
    monkeypatch.setattr("sagas.engine.waiting.AT_ONCE", timedelta(milliseconds=1))
    world.faults["fetch"] = [lambda: woken_meanwhile(OSError("the line is dead"))]
    run_id = begin(errand, Errand("milk"))
    assert waited(step_once(run_id)) == 0.001


def test_of_many_wakes_each_finds_the_run_waiting_or_due(world):
    run_id = begin_waiting(world)
    assert together(lambda: wake(errand, "key-1", ""), 4) == [True] * 4
    assert carry(run_id).status == "completed"
    assert world.log.count("fetch") == 1


def test_a_hook_that_fails_costs_no_attempt(world):
    world.faults["fetch"] = [asked(ValueError("no such column"))] * 5
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    assert waits(run_id).error_text == "a hook raised ValueError: no such column"
    run = carry(run_id)
    assert run.status == "completed"
    assert [one.outcome for one in run.attempts.filter(step="fetch")] == ["ours"] * 5 + ["done"]


def test_the_hook_is_not_told_of_a_wait_that_turned_around(world):
    world.faults["fetch"] = [lambda: cancelled_meanwhile()]
    run_id = begin(errand, Errand("milk"))
    assert isinstance(step_once(run_id), SwitchChain)
    assert world.awaited == []


def cancelled_meanwhile() -> None:
    errand.cancel("key-1", reason="No longer wanted.", actor="the customer")
    raise asked()


def test_a_stray_flag_of_an_earlier_attempt_costs_one_look_and_no_more(world):
    world.faults["fetch"] = [asked(), asked()]
    run_id = begin(errand, Errand("milk"))
    Step.objects.filter(name="fetch").update(woken=True)
    step_once(run_id)
    Step.objects.filter(name="fetch").update(next_attempt_at=LONG_AGO)
    step_once(run_id)
    assert woken_in(run_id) > 15
