"""Pruning, and figures, take a run and what it has started as one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from sagas import Refused
from sagas.maintenance.prune import count_runs, prune_runs
from sagas.maintenance.tally import tally
from sagas.models import Child, Run, Tally
from tests.support.sagas.driver import begin
from tests.support.sagas.fleet import fleet
from tests.support.sagas.tree import carry_all
from tests.support.sagas.voyage import Voyage, voyage

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def grow_old(**which):
    Run.objects.filter(**which).update(finished_at=F("finished_at") - 2 * DAY)


def test_children_are_pruned_with_their_parent_and_not_before(sea):
    carry_all(begin(voyage, Voyage("ann")))
    grow_old(name="supply")
    assert (count_runs(DAY), prune_runs(DAY), Run.objects.count()) == (0, 0, 2)
    grow_old(name="voyage")
    assert (count_runs(DAY), prune_runs(DAY)) == (1, 1)
    assert not Run.objects.exists()
    assert not Child.objects.exists()


def test_a_child_that_is_still_open_outlives_a_pruned_parent(sea):
    carry_all(begin(voyage, Voyage("ann")))
    grow_old()
    Run.objects.filter(name="supply").update(status="stuck", finished_at=None)
    assert prune_runs(DAY) == 1
    assert Run.objects.get().name == "supply"


def counted(kind):
    return dict(Tally.objects.filter(span=0, kind=kind).values_list("saga", "count"))


def test_branches_count_as_steps_of_their_parent(sea):
    tally()
    carry_all(begin(fleet, Voyage("ann")))
    tally()
    assert counted("run") == {"fleet": 1}
    steps = Tally.objects.filter(span=0, kind="step", outcome="done").values_list("saga", "name", "count")
    assert set(steps) >= {("fleet", name, 1) for name in fleet.declared}
    assert {saga for saga, _, _ in steps} == {"fleet"}


def test_a_child_that_was_taken_back_is_counted_once(sea):
    tally()
    sea.faults["set_sail"] = [Refused("storm")]
    carry_all(begin(voyage, Voyage("ann")))
    tally()
    assert counted("run") == {"voyage": 1}
