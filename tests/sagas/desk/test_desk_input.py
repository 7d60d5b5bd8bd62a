"""Change the input: validated, with a diff in the record."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model

from sagas import Refused, Saga, StepContext, WrongState, desk
from sagas.declare import registry
from sagas.desk.input_changes import differences, merge
from sagas.engine import executor
from sagas.engine.continuation import RunNext
from sagas.models import Run
from tests.support.sagas.clock import let_the_lease_run_out
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Address:
    street: str
    floor: int | None = None


@dataclass(frozen=True)
class Parcel:
    to: Address
    items: tuple[str, ...] = ()


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def post():
    """A saga whose input has parts."""
    saga = Saga[Parcel]("parcel_with_parts")

    @saga.step(undo=None)
    def send(ctx: StepContext[Parcel]) -> str:
        if ctx.input.to.street == "Nowhere":
            raise Refused("no_such_street")
        return f"{ctx.input.to.street}, floor {ctx.input.to.floor}"

    yield saga
    registry.forget(saga)


def test_the_steps_that_are_to_come_are_given_the_new_input(world, ann):
    run_id = begin(errand, Errand("milk"))
    desk.set_input(run_id, actor=ann, reason="they meant bread", changes={"what": "bread"})
    run = Run.objects.get()
    assert (run.input, run.status, run.position) == ({"what": "bread"}, "running", 0)
    assert carry(run_id).status == "completed"


def test_only_what_changes_need_be_given(post, ann):
    run_id = begin(post, Parcel(Address("Old Street", 3), ("tea",)))
    desk.set_input(run_id, actor=ann, reason="moved", changes={"to": {"street": "New Street"}})
    assert carry(run_id).steps.get().result == "New Street, floor 3"


def test_null_takes_the_place_of_the_old_value(post, ann):
    run_id = begin(post, Parcel(Address("Old Street", 3)))
    desk.set_input(run_id, actor=ann, reason="a house of its own", changes={"to": {"floor": None}})
    assert carry(run_id).steps.get().result == "Old Street, floor None"


def test_the_record_holds_what_changed_by_path(post, ann):
    run_id = begin(post, Parcel(Address("Old Street", 3), ("tea",)))
    desk.set_input(run_id, actor=ann, reason="moved", changes={"to": {"street": "New"}, "items": ["tea", "jam"]})
    act = Run.objects.get().acts.get()
    assert act.verb == "set_input"
    assert act.before["input"] == {"to.street": "Old Street", "items": ["tea"]}
    assert act.after["input"] == {"to.street": "New", "items": ["tea", "jam"]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"to": {"floor": "three"}}, "The input does not fit Parcel: Expected `int | null`, got `str`"),
        ({"to": {"stret": "x"}}, "Parcel has no field to.stret."),
        ({"weight": 3}, "Parcel has no field weight."),
        ({"to": {"street": "Old Street"}}, "The new input is the same as the old one; there is nothing to change."),
        ([], "The input is a JSON object of fields"),
    ],
)
def test_what_is_no_input_of_the_saga_is_refused(post, ann, changes, sentence):
    run_id = begin(post, Parcel(Address("Old Street", 3), ("tea",)))
    before = Run.objects.get()
    with pytest.raises(desk.DoesNotFit) as refused:
        desk.set_input(run_id, actor=ann, reason="x", changes=changes)
    assert sentence in str(refused.value)
    after = Run.objects.get()
    assert (after.input, after.row_version) == (before.input, before.row_version)
    assert not after.acts.exists()


def test_an_input_that_the_code_could_not_read_is_mended(post, ann):
    run_id = begin(post, Parcel(Address("Old Street")))
    Run.objects.update(input={"to": {"street": 7}})
    step_once(run_id)
    assert Run.objects.get().code == "unreadable"
    desk.set_input(run_id, actor=ann, reason="mended", changes={"to": {"street": "Old Street"}})
    desk.retry_now(run_id, actor=ann, reason="mended")
    assert carry(run_id).status == "completed"


def test_the_input_of_a_step_in_a_workers_hands_is_not_changed(world, ann):
    run_id = begin(errand, Errand("milk"))

    def press():
        with pytest.raises(WrongState, match="Cannot change the input: the run is in a worker's hands at fetch"):
            desk.set_input(run_id, actor=ann, reason="now", changes={"what": "bread"})

    world.faults["fetch"] = [press]
    step_once(run_id)
    assert Run.objects.get().input == {"what": "milk"}


@pytest.mark.parametrize("undo", [False, True])
def test_a_worker_that_comes_after_its_lease_goes_on_with_no_older_input(world, ann, monkeypatch, undo):
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [Refused("card_declined")] if undo else []
    while undo and Run.objects.get().status == "running":
        step_once(run_id)
    first, then, asked = ("wrap", "fetch", "unwrap") if undo else ("fetch", "think", "fetch")

    def slow() -> None:
        let_the_lease_run_out(first)
        desk.set_input(run_id, actor=ann, reason="no milk", changes={"what": "tea"})

    given: list[str] = []
    world.faults[asked] = [slow]
    monkeypatch.setattr(errand.named(then), "undo_run" if undo else "run", lambda ctx: given.append(ctx.input.what))
    act = executor.undo_step if undo else executor.run_step
    for _ in range(2):
        verdict = act(link(Run.objects.get(), first, ahead=lambda _step: "next"))
    assert isinstance(verdict, RunNext), "the second worker's"
    executor.proceed(verdict.work)
    assert given == ["tea"]


def test_the_input_of_a_finished_run_is_not_changed(world, ann):
    run = carry(begin(errand, Errand("milk")))
    with pytest.raises(WrongState, match=r"Cannot change the input: the run is completed\."):
        desk.set_input(run.id, actor=ann, reason="x", changes={"what": "bread"})


def test_a_run_that_waits_for_a_participant_goes_on_waiting_with_its_new_input(world, ann):
    run_id = begin(errand, Errand("milk"))
    Run.objects.update(waits_for="shop", wake_at=None)
    desk.set_input(run_id, actor=ann, reason="they meant bread", changes={"what": "bread"})
    run = Run.objects.get()
    assert (run.input, run.waits_for, run.wake_at) == ({"what": "bread"}, "shop", None)


def test_merging_goes_into_objects_and_replaces_the_rest():
    assert merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"c": 3}, "d": [2]}) == {"a": {"b": 1, "c": 3}, "d": [2]}


def test_a_difference_names_fields_that_come_and_go():
    assert differences({"a": 1}, {"b": 2}) == {"a": (1, "(not there)"), "b": ("(not there)", 2)}
