"""A worker that is slower than its lease: another takes the step over, and the first one's word counts for nothing."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import connection, transaction

from sagas import Refused
from sagas.engine import executor
from sagas.engine.continuation import CONTINUE, STOP, RetryIn, SwitchChain
from sagas.models import Run, Step
from sagas.participants.waiting import hold
from tests.support.sagas.clock import let_the_lease_run_out, pass_the_deadline, someone_waits_for_a_lock, woken_in
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand, errand
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


def undoing(world):
    """A run whose last two undos are due."""
    world.faults["pay"] = [Refused("card_declined")]
    run_id = begin(errand, Errand("milk"))
    while not isinstance(step_once(run_id), SwitchChain):
        pass
    return run_id


def test_an_undo_whose_lease_ran_out_cannot_write(world):
    run_id = undoing(world)
    step_once(run_id)

    def overtaken():
        let_the_lease_run_out("fetch")
        assert executor.undo_step(link(Run.objects.get(), "fetch")) == CONTINUE

    world.faults["bring_back"] = [overtaken]
    assert step_once(run_id) == STOP
    assert world.statuses == ["undoing", "compensated"], "told once"
    outcomes = Run.objects.get().attempts.filter(step="fetch", direction="undo").values_list("outcome", flat=True)
    assert list(outcomes) == ["lost", "done"]


@pytest.mark.parametrize("direction", ["forward", "undo"])
def test_a_late_worker_cannot_write_while_another_has_the_step_in_hand(world, direction):
    run_id = undoing(world) if direction == "undo" else begin(errand, Errand("milk"))
    name, call, status = ("wrap", "unwrap", "undoing") if direction == "undo" else ("fetch", "fetch", "running")
    token = uuid4()
    world.faults[call] = [lambda: Step.objects.filter(name=name).update(token=token)]
    assert step_once(run_id) == STOP
    step = Step.objects.get(name=name)
    assert (step.status, step.token) == (status, token)


@pytest.mark.parametrize("late", [LOST, Refused("no_paper")])
def test_a_late_failure_of_an_overtaken_worker_changes_nothing(world, late):
    run_id = begin(errand, Errand("milk"))

    def overtaken():
        let_the_lease_run_out("fetch")
        assert executor.run_step(link(Run.objects.get(), "fetch")) == CONTINUE
        raise late

    world.faults["fetch"] = [overtaken]
    assert step_once(run_id) == STOP
    assert carry(run_id).status == "completed"


@pytest.mark.parametrize("late", ["done", "done in place", "undone", "failed"])
def test_a_run_that_was_put_aside_meanwhile_waits_for_nobody_once_its_late_worker_is_done(world, late):
    """Else the sweep would bring it back for that participant, even when it has ended, and ring it for ever."""
    undo = late == "undone"
    run_id = undoing(world) if undo else begin(errand, Errand("milk"))
    position = Run.objects.get().position
    name, call = ("wrap", "unwrap") if undo else ("fetch", "fetch")

    def put_aside() -> None:
        let_the_lease_run_out(name)
        assert hold(run_id, position, undo, "shop")
        if late == "failed":
            raise LOST

    world.faults[call] = [put_aside]
    act = executor.undo_step if undo else executor.run_step
    act(link(Run.objects.get(), name, ahead=lambda _step: "next" if late == "done in place" else None))
    run = Run.objects.get()
    assert (run.waits_for, run.position == position) == ("", late == "failed")
    assert woken_in(run_id) > 0


def test_undos_of_lost_workers_count(world):
    """Three workers died in the undo: the fourth does not try again but asks a person."""
    run_id = undoing(world)

    def die():
        raise KeyboardInterrupt

    for _ in range(3):
        world.faults["unwrap"] = [die]
        with pytest.raises(KeyboardInterrupt):
            step_once(run_id)
        let_the_lease_run_out("wrap")
    assert step_once(run_id) == STOP
    assert Run.objects.get().status == "stuck"
    assert "unwrap" not in world.log


@pytest.mark.parametrize("step", ["pay", "deliver"])
def test_a_deadline_that_passes_while_the_pivot_or_what_follows_waits_turns_nothing_around(world, step):
    run_id = begin(errand, Errand("milk"))
    world.faults[step] = [("after", LOST)]
    while not isinstance(step_once(run_id), RetryIn):
        pass
    Step.objects.filter(name=step).update(next_attempt_at="2100-01-01T00:00:00Z")
    pass_the_deadline()
    assert isinstance(step_once(run_id), RetryIn)
    run = carry(run_id)
    assert run.status == "completed"
    assert [attempt.outcome for attempt in run.attempts.filter(step=step)] == ["in_doubt", "done"]


def test_a_record_waits_for_the_run_before_it_locks_the_step(world):
    """The lock order is run, then step: a record that held its step while it waits for the run could deadlock."""
    begin(errand, Errand("milk"))
    in_hand, answered = threading.Event(), threading.Event()
    verdicts: list[object] = []

    def answer():
        in_hand.set()
        assert answered.wait(10)

    def work():
        verdicts.append(executor.run_step(link(Run.objects.get(), "fetch")))
        connection.close()

    world.faults["fetch"] = [answer]
    worker = threading.Thread(target=work)
    worker.start()
    assert in_hand.wait(10)
    with transaction.atomic():
        Run.objects.select_for_update().get()
        answered.set()
        until(someone_waits_for_a_lock, 10, what="the record waits for the run")
        Step.objects.select_for_update(nowait=True).get(name="fetch")
    worker.join(10)
    assert verdicts == [CONTINUE]
