"""A step that starts a run of another saga: started once, waited for, and taken back with its parent."""

from __future__ import annotations

import pytest
from django.db import transaction

from sagas import Refused, TooLate
from sagas.declare.share import Limit
from sagas.desk import resolve, retry_now
from sagas.desk.acts import Person
from sagas.models import Child, Run, Step
from tests.support.sagas.clock import pass_the_deadline
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.tree import carry_all, child_of
from tests.support.sagas.voyage import Cargo, Voyage, supply, trade, voyage

pytestmark = pytest.mark.django_db(transaction=True)
ANN = Person("ann")


def begin_voyage():
    return begin(voyage, Voyage("ann"))


def test_a_child_is_carried_out_and_its_results_can_be_read(sea):
    run = carry_all(begin_voyage())
    assert run.status == "completed"
    assert sea.log == ["hire_crew", "get_supplies", "order_goods", "load_goods", "set_sail", "write_log"]
    assert run.steps.get(name="set_sail").result == "set_sail done with load_goods done"
    child = child_of(run.pk)
    assert (child.name, child.key, child.subject) == ("supply", "key-1.get_supplies", "a test")
    assert child.input == {"what": "rum for ann"}
    assert (child.request_id, child.is_branch) == (run.request_id, False)
    assert sea.told == ["supply completed", "voyage completed"]


def test_it_is_found_by_its_attributes_and_waits_for_the_turn_of_its_saga(sea, monkeypatch):
    monkeypatch.setattr(supply, "attributes_run", lambda cargo: {"what": cargo.what})
    monkeypatch.setattr(supply, "limited", Limit(1, lambda _cargo: "all"))
    run_id = begin_voyage()
    step_once(run_id)
    step_once(run_id)
    child = child_of(run_id)
    assert [(one.name, one.text) for one in child.attributes.all()] == [("what", "rum for ann")]
    assert child.queued_at is not None


def test_it_waits_without_a_worker_and_says_for_whom(sea):
    run_id = begin_voyage()
    step_once(run_id)
    step_once(run_id)
    run = Run.objects.get(pk=run_id)
    step = run.steps.get(position=run.position)
    assert (step.status, step.token) == ("waiting", None)
    assert run.reason == "waits for supply key-1.get_supplies."


def test_its_refusal_is_the_steps_refusal(sea):
    sea.faults["load_goods"] = [Refused("no_room", "the hold is full")]
    run = carry_all(begin_voyage())
    assert (run.status, run.code) == ("compensated", "no_room")
    assert "supply key-1.get_supplies: load_goods: the hold is full" in run.reason
    assert sea.log == ["hire_crew", "get_supplies", "order_goods", "return_goods", "dismiss_crew"]
    assert sea.applied == {"get_supplies"}


def test_a_completed_child_is_undone_with_its_parent(sea):
    sea.faults["set_sail"] = [Refused("storm")]
    run = carry_all(begin_voyage())
    assert run.status == "compensated"
    assert sea.log[-3:] == ["unload_goods", "return_goods", "dismiss_crew"]
    child = child_of(run.pk)
    assert (child.status, child.code) == ("compensated", "storm")
    assert Child.objects.get().taken_back_at is not None
    assert sea.told == [
        "supply completed",
        "voyage undoing",
        "supply undoing",
        "supply compensated",
        "voyage compensated",
    ]


def test_a_running_child_is_cancelled_with_its_parent_and_waited_for(sea):
    run_id = begin_voyage()
    for _ in range(2):
        step_once(run_id)
    step_once(child_of(run_id).pk)
    voyage.cancel("key-1", reason="the captain is ill", actor="ann")
    assert Run.objects.get(pk=run_id).status == "undoing"
    step_once(run_id)
    assert child_of(run_id).status == "undoing"
    assert "dismiss_crew" not in sea.log
    run = carry_all(run_id)
    assert run.status == "compensated"
    assert sea.log == ["hire_crew", "get_supplies", "order_goods", "return_goods", "dismiss_crew"]


def test_a_stuck_child_keeps_its_parent_waiting_until_a_person_has_seen_to_it(sea):
    sea.faults["load_goods"] = [Refused("no_room")]
    sea.faults["return_goods"] = [Refused("no_returns")]
    run = carry_all(begin_voyage())
    assert (run.status, run.needs_person) == ("running", False)
    assert run.reason == "waits for supply key-1.get_supplies; supply key-1.get_supplies needs a person."
    child = child_of(run.pk)
    assert child.status == "stuck"
    retry_now(child.pk, actor=ANN, reason="the shop takes it back after all")
    assert carry_all(run.pk).status == "compensated"


def test_a_child_that_a_person_closes_ends_the_wait(sea):
    sea.faults["load_goods"] = [Refused("no_room")]
    sea.faults["return_goods"] = [Refused("no_returns")]
    run = carry_all(begin_voyage())
    resolve(child_of(run.pk).pk, actor=ANN, reason="paid them off", ended="compensated")
    assert carry_all(run.pk).status == "compensated"


def test_a_child_closed_as_completed_is_not_guessed_at_when_its_parent_is_undone(sea):
    sea.faults["load_goods"] = [Refused("no_room")]
    sea.faults["return_goods"] = [Refused("no_returns")]
    sea.faults["set_sail"] = [Refused("storm")]
    run = carry_all(begin_voyage())
    child = child_of(run.pk)
    resolve(child.pk, actor=ANN, reason="brought it aboard ourselves", ended="completed")
    sea.faults["set_sail"] = [Refused("storm")]
    Step.objects.filter(run=child.pk, name="load_goods").update(result="by hand")
    run = carry_all(run.pk)
    assert run.status == "stuck"
    assert "closed by hand as completed" in run.reason


def test_a_child_is_started_once_whatever_becomes_of_the_attempt(sea):
    run_id = begin_voyage()
    step_once(run_id)
    step_once(run_id)
    Step.objects.filter(run_id=run_id).update(next_attempt_at=None)
    step_once(run_id)
    assert Run.objects.filter(name="supply").count() == 1
    assert sea.log.count("get_supplies") == 1


def test_a_key_that_somebody_elses_run_has_is_told_and_not_taken(sea):
    with transaction.atomic():
        supply.start(Cargo("tea"), key="key-1.get_supplies")
    run_id = begin_voyage()
    step_once(run_id)
    step_once(run_id)
    step = Step.objects.get(run=run_id, name="get_supplies")
    assert "a run of supply with the key key-1.get_supplies was started by somebody else" in step.error_text
    assert not Child.objects.exists()


def test_the_parents_own_undo_takes_back_a_child_with_a_pivot(sea):
    sea.faults["bank_money"] = [Refused("no_bank")]
    run = carry_all(begin(trade, Voyage("pearls")))
    assert run.status == "compensated"
    assert sea.log == ["sell", "buy_back sell done"]
    child = child_of(run.pk)
    assert (child.key, child.status) == ("sale:pearls", "completed")


def test_the_deadline_of_the_parent_ends_the_wait(sea):
    run_id = begin_voyage()
    step_once(run_id)
    step_once(run_id)
    pass_the_deadline()
    run = carry_all(run_id)
    assert (run.status, run.code) == ("compensated", "deadline")
    assert child_of(run_id).status == "compensated"


def test_a_parent_past_its_pivot_cannot_be_cancelled_nor_its_child(sea):
    run = carry_all(begin_voyage())
    with pytest.raises(TooLate):
        voyage.cancel("key-1", reason="no", actor="ann")
    assert child_of(run.pk).status == "completed"
