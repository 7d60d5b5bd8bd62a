"""A step for each item: its own key, attempts, result and undo, and so many at once."""

from __future__ import annotations

import pytest

from sagas import Refused
from sagas.branches.waking import wake_parent
from sagas.desk import set_input
from sagas.desk.acts import DoesNotFit, Person
from sagas.models import Child, Run
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.fleet import convoy
from tests.support.sagas.tree import carry_all, child_of, family, waits_for_runs
from tests.support.sagas.voyage import Voyage

pytestmark = pytest.mark.django_db(transaction=True)
CRATES = ("tea", "rum", "salt", "silk")


def begin_convoy(crates=CRATES):
    return begin(convoy, Voyage("ann", crates))


def test_each_item_has_its_own_and_the_results_are_in_their_order(sea):
    run = carry_all(begin_convoy())
    assert run.status == "completed"
    results = [f"load {crate} done at rent_quay done" for crate in CRATES]
    assert run.steps.get(name="load").result == results
    assert run.steps.get(name="depart").result == results
    assert sea.keys["load salt"] == {f"{run.pk}.load.2"}
    assert {f"declare {crate}" for crate in CRATES} < set(sea.log)


def test_no_more_than_so_many_are_carried_out_at_once(sea):
    run_id = begin_convoy()
    step_once(run_id)
    step_once(run_id)
    assert Child.objects.count() == 2
    step_once(child_of(run_id, 1).pk)
    wake_parent(run_id, None)
    assert sorted(Child.objects.values_list("item", flat=True)) == [0, 1, 2]


def test_without_items_the_step_is_done(sea):
    run = carry_all(begin_convoy(()))
    assert run.status == "completed"
    assert run.steps.get(name="depart").result == []


def test_a_refused_item_undoes_the_others(sea):
    sea.faults["load salt"] = [Refused("damp", "salt is damp")]
    run = carry_all(begin_convoy())
    assert (run.status, run.code) == ("compensated", "damp")
    assert "item 2: load: salt is damp" in run.reason
    assert sea.applied == set()
    assert sea.log[-1] == "un_rent_quay"
    assert "unload silk" not in sea.log or "load silk" in sea.log


def test_undos_respect_the_limit_too(sea):
    sea.faults["depart"] = [Refused("storm")]
    run_id = begin_convoy()
    for _ in range(200):
        run = Run.objects.get(pk=run_id)
        if run.status == "undoing" and Run.objects.filter(status="undoing").exclude(pk=run_id).exists():
            break
        carry_one(run_id)
    assert Run.objects.filter(status="undoing").exclude(pk=run_id).count() == 2
    assert carry_all(run_id).status == "compensated"
    assert sea.applied == set()


def carry_one(run_id):
    for one in family(run_id):
        if Run.objects.get(pk=one).status in ("running", "undoing"):
            if not waits_for_runs(one):
                step_once(one)
            wake_parent(one, None)
            step_once(one) if one == run_id else None


def test_the_items_that_are_being_carried_out_are_not_changed_under_them(sea):
    run_id = begin_convoy()
    step_once(run_id)
    step_once(run_id)
    with pytest.raises(DoesNotFit, match="load has begun with the items of the old input"):
        set_input(run_id, actor=Person("ann"), reason="more", changes={"crates": ["tea", "gold"]})
    set_input(run_id, actor=Person("ann"), reason="a new captain", changes={"captain": "bob"})
    assert carry_all(run_id).status == "completed"


def test_sixty_items_are_one_run(sea):
    run = carry_all(begin_convoy(tuple(str(n) for n in range(60))))
    assert run.status == "completed"
    results = run.steps.get(name="load").result
    assert len(results or ()) == 60
