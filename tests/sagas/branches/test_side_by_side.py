"""Steps that do not come after each other run in runs of their own, and are undone in the reverse of what depends."""

from __future__ import annotations

import pytest

from sagas import Refused, TooLate
from sagas.branches.waking import wake_parent
from sagas.desk import compensate, pause, resume, retry_now, skip
from sagas.desk.acts import Person
from sagas.desk.selection import Filter, matching
from sagas.engine.continuation import RunNext
from sagas.engine.executor import TaskRef, claim_here, proceed
from sagas.engine.work import Worker
from sagas.errors import WrongState
from sagas.models import Child, Run, RunStatus
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.fleet import fleet
from tests.support.sagas.tree import carry_all, child_of, statuses
from tests.support.sagas.voyage import Voyage

pytestmark = pytest.mark.django_db(transaction=True)
ANN = Person("ann")
GROUP = "fill_water+fill_food+load_ship+trim"
WATER, FOOD, SHIP, TRIM = range(4)


def begin_fleet():
    return begin(fleet, Voyage("ann"))


def start_group(sea):
    """The first three branches are started, and none has run."""
    run_id = begin_fleet()
    step_once(run_id)
    step_once(run_id)
    assert sea.log == ["hire"]
    return run_id


def test_the_list_has_a_step_for_what_stands_side_by_side():
    assert [step.name for step in fleet.steps] == [
        "hire",
        GROUP,
        "set_sail",
        "hoist_flag+fire_salute",
        "write_log",
    ]
    assert [step.position for step in fleet.steps] == [0, 1, 2, 3, 4]


def test_all_is_done_and_each_sees_the_results_of_what_it_comes_after(sea):
    run = carry_all(begin_fleet())
    assert run.status == "completed"
    assert sorted(sea.log) == sorted(fleet.declared)
    assert sea.log.index("trim") > max(sea.log.index("fill_food"), sea.log.index("load_ship"))
    assert run.steps.get(name="set_sail").result == "set_sail done: trim done after load_ship done"
    assert run.steps.get(name="write_log").result == "write_log done: hoist_flag done"
    assert f"{run.pk}: fill_water done by ann, hire done" in sea.told
    assert sea.told[-1] == "key-1 completed"


def test_those_that_come_after_nothing_of_the_group_start_together_and_the_others_when_their_turn_comes(sea):
    run_id = start_group(sea)
    assert statuses(run_id) == dict.fromkeys(("fleet.fill_water", "fleet.fill_food", "fleet.load_ship"), "running")
    step_once(child_of(run_id, FOOD).pk)
    wake_parent(run_id, None)
    assert not Child.objects.filter(item=TRIM).exists()
    step_once(child_of(run_id, SHIP).pk)
    wake_parent(run_id, None)
    assert child_of(run_id, TRIM).status == "running"
    assert sea.log == ["hire", "fill_food", "load_ship"]


def test_the_keys_are_those_of_a_list(sea):
    run = carry_all(begin_fleet())
    assert sea.keys["fill_water"] == {f"{run.pk}.fill_water"}
    assert sea.keys["trim"] == {f"{run.pk}.trim"}


def test_a_refusal_undoes_all_that_may_have_happened_in_reverse_of_what_depends(sea):
    sea.faults["fill_water"] = [ConnectionError("lost"), Refused("dry", "the well is dry")]
    run = carry_all(begin_fleet())
    assert (run.status, run.code) == ("compensated", "dry")
    assert "fill_water: the well is dry" in run.reason
    undone = [name for name in sea.log if name.startswith("un_")]
    assert undone[-1] == "un_hire"
    if "un_trim" in undone:
        assert undone.index("un_trim") < min(undone.index("un_fill_food"), undone.index("un_load_ship"))
    assert sea.applied == set()


def test_a_refused_pivot_undoes_the_last_before_those_that_it_comes_after(sea):
    sea.faults["set_sail"] = [Refused("storm")]
    run = carry_all(begin_fleet())
    assert run.status == "compensated"
    undone = [name for name in sea.log if name.startswith("un_")]
    assert sorted(undone) == ["un_fill_food", "un_fill_water", "un_hire", "un_load_ship", "un_trim"]
    assert undone.index("un_trim") < min(undone.index("un_fill_food"), undone.index("un_load_ship"))
    assert undone[-1] == "un_hire"
    assert sea.applied == set()


def test_after_a_refusal_no_more_start_and_one_in_flight_is_let_finish_before_anything_is_undone(sea):
    run_id = start_group(sea)
    step_once(child_of(run_id, SHIP).pk)

    def refused_meanwhile():
        sea.faults["fill_water"] = [Refused("dry")]
        step_once(child_of(run_id, WATER).pk)
        wake_parent(run_id, None)
        step_once(run_id)  # refused: the run turns
        step_once(run_id)  # its undo finds one in flight
        assert Run.objects.get(pk=run_id).status == "undoing"
        assert child_of(run_id, SHIP).status == "completed"

    sea.faults["fill_food"] = [refused_meanwhile]
    step_once(child_of(run_id, FOOD).pk)
    assert child_of(run_id, FOOD).status == "completed"
    assert sea.log == ["hire", "load_ship", "fill_food"]
    assert carry_all(run_id).status == "compensated"
    assert not Child.objects.filter(item=TRIM).exists()
    assert sea.applied == set()


def test_a_cancel_undoes_the_branches(sea):
    run_id = start_group(sea)
    step_once(child_of(run_id, WATER).pk)
    fleet.cancel("key-1", reason="no wind", actor="ann")
    step_once(run_id)
    run = carry_all(run_id)
    assert (run.status, run.code) == ("compensated", "cancelled")
    assert sea.log == ["hire", "fill_water", "un_fill_water", "un_hire"]


def test_past_the_pivot_a_branch_is_never_undone_and_asks_a_person(sea):
    sea.faults["hoist_flag"] = [Refused("no_flag")]
    run = carry_all(begin_fleet())
    assert run.status == "running"
    assert child_of(run.pk, 0, "hoist_flag+fire_salute").status == "stuck"
    with pytest.raises(TooLate):
        fleet.cancel("key-1", reason="no", actor="ann")
    assert "key-1 stuck hoist_flag" in sea.told
    branch = child_of(run.pk, 0, "hoist_flag+fire_salute")
    with pytest.raises(WrongState):
        compensate(branch.pk, actor=ANN, reason="no")
    retry_now(branch.pk, actor=ANN, reason="sewed one")
    assert carry_all(run.pk).status == "completed"
    assert "key-1 running hoist_flag" in sea.told


def test_lists_show_the_parent_once_and_a_branch_only_while_it_needs_a_person(sea):
    sea.faults["hoist_flag"] = [Refused("no_flag")]
    run_id = start_group(sea)
    assert [run.name for run in matching(Filter())] == ["fleet"]
    run = carry_all(run_id)
    assert sorted(one.name for one in matching(Filter())) == ["fleet", "fleet.hoist_flag"]
    assert [one.subject for one in matching(Filter(status="stuck"))] == [run.subject]


def test_a_step_that_waits_for_branches_is_not_skipped_over_their_heads(sea):
    run_id = start_group(sea)
    with pytest.raises(WrongState, match="waiting for 3 runs that it has started"):
        skip(run_id, actor=ANN, reason="no", result=None)


def test_a_pause_holds_the_branches_too(sea):
    run_id = start_group(sea)
    pause(run_id, actor=ANN, reason="inspection")
    for item in (WATER, FOOD, SHIP):
        step_once(child_of(run_id, item).pk)
    assert sea.log == ["hire"]
    resume(run_id, actor=ANN, reason="inspected")
    assert carry_all(run_id).status == "completed"


def test_a_skipped_branch_counts_as_done_with_the_result_that_is_given(sea):
    sea.faults["hoist_flag"] = [Refused("no_flag")]
    run = carry_all(begin_fleet())
    branch = child_of(run.pk, 0, "hoist_flag+fire_salute")
    skip(branch.pk, actor=ANN, reason="painted it", result="a painted flag")
    run = carry_all(run.pk)
    assert run.status == "completed"
    assert run.steps.get(name="write_log").result == "write_log done: a painted flag"


def test_a_branch_ended_while_the_step_is_in_hand_is_not_missed(sea):
    run_id = start_group(sea)
    run = Run.objects.get(pk=run_id)
    run.steps.filter(name=GROUP).update(next_attempt_at=None)
    step = run.steps.get(name=GROUP)
    then = claim_here(TaskRef(run_id, "fleet", 1, GROUP, Worker("test", "task")), undo=False)
    for item in (WATER, FOOD, SHIP):
        step_once(child_of(run_id, item).pk)
    wake_parent(run_id, None)
    step.refresh_from_db()
    assert step.woken
    assert isinstance(then, RunNext)
    proceed(then.work)
    assert carry_all(run_id).status == RunStatus.COMPLETED
