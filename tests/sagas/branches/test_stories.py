"""`given`, `when`, `expect` tell stories of sagas that start runs, in a fixed order and without a broker."""

from __future__ import annotations

import pytest

from sagas.testing import given
from tests.support.sagas.fleet import (
    convoy,
    depart,
    fill_food,
    fill_water,
    fleet,
    hire,
    hoist_flag,
    load,
    load_ship,
    rent_quay,
    set_sail,
    trim,
)
from tests.support.sagas.voyage import Voyage, get_supplies, hire_crew, load_goods, order_goods, voyage
from tests.support.sagas.voyage import set_sail as sail

pytestmark = pytest.mark.django_db


def told(saga, crates=()):
    return given(saga, Voyage("ann", crates))


def sides():
    story = told(fleet)
    for step in fleet.declared.values():
        story.when(step).returns(step.name)
    return story


def items(crates=("tea", "rum", "salt")):
    story = told(convoy, crates).when(rent_quay).returns("quay 1").when(load).returns("aboard")
    return story.when(depart).returns(["aboard"])


def with_child():
    story = told(voyage)
    for step in voyage.declared.values():
        if step is not get_supplies:
            story.when(step).returns(step.name)
    return story.when(order_goods).returns("ordered").when(load_goods).returns("loaded")


def test_sides_complete_and_a_lost_answer_is_asked_for_again(sea):
    sides().when(trim).answer_lost(times=2).expect_completed().expect_attempts(trim, 3).expect_attempts(fill_water, 1)


def test_a_refused_pivot_undoes_all_sides(sea):
    sides().when(set_sail).refuses("storm").expect_undone(hire, fill_water, fill_food, load_ship, trim)


def test_the_first_side_that_is_refused_keeps_the_others_from_being_asked(sea):
    story = sides().when(fill_water).refuses("dry").expect_undone(hire)
    story.expect_attempts(fill_food, 0).expect_attempts(trim, 0)


def test_a_side_past_the_pivot_is_stuck(sea):
    sides().when(hoist_flag).refuses("no_flag").expect_stuck(code="no_flag", at=hoist_flag)


def test_an_undo_in_the_wrong_order_would_be_seen(sea):
    story = sides().when(set_sail).refuses("storm")
    _ = story.run
    story.stage.undone.reverse()
    with pytest.raises(AssertionError, match="Undone should be, in this order"):
        story.expect_undone(hire, fill_water, fill_food, load_ship, trim)


def test_items_complete_and_a_worker_may_die_with_one(sea):
    items().when(load).worker_lost().expect_completed().expect_attempts(load, 4)


def test_a_refused_item_undoes_the_others(sea):
    items().when(load).refuses("damp").expect_undone(rent_quay)


def test_a_refused_pivot_undoes_every_item(sea):
    items().when(depart).refuses("storm").expect_undone(rent_quay, load).expect_undo_attempts(load, 3)


def test_a_child_completes(sea):
    with_child().expect_completed().expect_attempts(load_goods, 1)


def test_a_refused_child_is_a_refusal(sea):
    with_child().when(load_goods).refuses("no_room").expect_undone(hire_crew, order_goods)


def test_a_completed_child_is_undone_with_its_parent(sea):
    with_child().when(sail).refuses("storm").expect_undone(hire_crew, order_goods, load_goods)


def test_a_cancel_finds_the_child_on_its_way(sea):
    with_child().cancelled_before(sail).expect_undone(hire_crew, order_goods, load_goods)
