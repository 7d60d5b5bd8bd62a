"""Skip: an operator says that a step is done, or undone, and the run goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from outbox.models import OutboxMessage
from sagas import Refused, RetryAfter, WrongState, desk
from sagas.errors import RecordingFailed
from sagas.models import Run, Step
from tests.support.sagas.clock import let_the_lease_run_out
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand, errand, fetch, wrap

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def stuck(world):
    """A run whose pivot is in doubt."""
    world.faults["pay"] = [LOST, LOST, LOST]
    return carry(begin(errand, Errand("milk")))


@pytest.fixture
def stuck_undo(world):
    """A run whose unwrapping was refused."""
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [Refused("too_late")]
    return carry(begin(errand, Errand("milk")))


def test_a_skipped_step_counts_as_done_with_the_result_and_the_run_goes_on(world, stuck, ann):
    desk.skip(stuck.id, actor=ann, reason="paid by transfer", result="transfer 7")
    run = carry(stuck.id)
    assert (run.status, run.code, run.reason) == ("completed", "", "")
    assert run.steps.get(name="pay").result == "transfer 7"
    assert str(run.steps.get(name="deliver").result).endswith("after transfer 7")
    assert world.log.count("pay") == 0
    assert world.statuses == ["stuck", "running", "completed"]


def test_a_skip_rings_the_rest_of_the_chain(stuck, ann):
    OutboxMessage.objects.all().delete()
    desk.skip(stuck.id, actor=ann, reason="paid by transfer", result="transfer 7")
    assert '"position":4' in OutboxMessage.objects.get().payload.replace(" ", "")


def test_the_last_step_skipped_completes_the_run(world, ann):
    world.faults["deliver"] = [Refused("nobody_home")]
    run = carry(begin(errand, Errand("milk")))
    desk.skip(run.id, actor=ann, reason="they came by and took it", result="handed over")
    run.refresh_from_db()
    assert (run.status, run.wake_at) == ("completed", None)
    assert run.finished_at is not None
    assert world.statuses[-1] == "completed"


@pytest.mark.parametrize("result", [None, 7, {"what": "x"}])
def test_a_result_that_the_step_does_not_return_is_refused(stuck, ann, result):
    with pytest.raises(desk.DoesNotFit, match="The result does not fit what pay returns, str: Expected `str`"):
        desk.skip(stuck.id, actor=ann, reason="paid", result=result)
    run = Run.objects.get()
    assert (run.status, run.row_version) == ("stuck", stuck.row_version)
    assert not run.acts.exists()


def test_the_recorded_hook_runs_in_the_same_transaction(world, ann):
    run_id = begin(errand, Errand("milk"))
    desk.skip(run_id, actor=ann, reason="fetched it myself", result="by hand")
    assert world.recorded == ["by hand"]


def test_a_hook_that_fails_takes_the_whole_act_back(world, ann, monkeypatch):
    run_id = begin(errand, Errand("milk"))

    def fail(*_):
        raise Refused("sold_out", "the shop's table is full")

    monkeypatch.setattr(fetch, "recorded_run", fail)
    with pytest.raises(RecordingFailed, match="Nothing was done: the hook of fetch failed: the shop's table is full"):
        desk.skip(run_id, actor=ann, reason="fetched it myself", result="by hand")
    run = Run.objects.get()
    assert (run.position, run.steps.get(position=0).status) == (0, "pending")
    assert not run.acts.exists()


def test_a_skipped_step_is_undone_like_any_other_although_nobody_was_asked(world, ann):
    run_id = begin(errand, Errand("milk"))
    desk.skip(run_id, actor=ann, reason="fetched it myself", result="by hand")
    world.faults["pay"] = [Refused("card_declined")]
    assert carry(run_id).status == "compensated"
    assert "bring_back" in world.log
    assert "fetch" not in world.log


def test_a_step_that_waits_can_be_skipped_and_its_wait_is_over(world, ann):
    world.faults["fetch"] = [RetryAfter(timedelta(minutes=3))]
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    desk.skip(run_id, actor=ann, reason="fetched it myself", result="by hand")
    assert carry(run_id).status == "completed"


def test_a_step_that_returns_nothing_is_skipped_without_a_result(world, ann):
    world.faults["wrap"] = [LOST]
    run_id = begin(errand, Errand("milk"))
    for _ in range(3):
        step_once(run_id)
    desk.skip(run_id, actor=ann, reason="wrapped it myself")
    assert Step.objects.filter(name="wrap", result__isnull=False).exists(), "null, as the engine would have written it"
    assert carry(run_id).status == "completed"


def test_a_late_worker_writes_nothing_after_the_skip(world, ann):
    run_id = begin(errand, Errand("milk"))

    def overtaken():
        let_the_lease_run_out("fetch")
        desk.skip(run_id, actor=ann, reason="fetched it myself", result="by hand")

    world.faults["fetch"] = [overtaken]
    step_once(run_id)
    run = Run.objects.get()
    assert (run.position, run.steps.get(position=0).result) == (1, "by hand")
    assert run.attempts.get().outcome == "lost"


def test_a_step_in_a_workers_hands_is_not_skipped(world, ann):
    run_id = begin(errand, Errand("milk"))

    def press():
        with pytest.raises(WrongState, match=r"Cannot skip: the run is in a worker's hands at fetch\. Try again"):
            desk.skip(run_id, actor=ann, reason="now", result="x")

    world.faults["fetch"] = [press]
    step_once(run_id)
    assert world.recorded == [Step.objects.get(name="fetch").result]


def test_a_skipped_undo_counts_as_undone_and_the_undos_behind_it_run(world, stuck_undo, ann):
    desk.skip(stuck_undo.id, actor=ann, reason="unwrapped it myself")
    assert Run.objects.get().status == "undoing"
    run = carry(stuck_undo.id)
    assert run.status == "compensated"
    assert run.steps.get(name="wrap").status == "undone"
    assert world.log[-1] == "bring_back"


def test_a_skipped_undo_takes_no_result(stuck_undo, ann):
    with pytest.raises(desk.DoesNotFit, match=r"The undo of wrap returns nothing; leave the result out\."):
        desk.skip(stuck_undo.id, actor=ann, reason="unwrapped it myself", result="x")


def test_the_undone_hook_runs_when_an_undo_is_skipped(world, stuck_undo, ann, monkeypatch):
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(wrap, "undone_run", lambda ctx: told.append((ctx.input.what, ctx.step_key)))
    desk.skip(stuck_undo.id, actor=ann, reason="unwrapped it myself")
    assert told == [("milk", f"{stuck_undo.id}.wrap")]


def test_the_last_undo_skipped_ends_the_run(world, ann):
    world.faults["wrap"] = [Refused("no_paper")]
    world.faults["bring_back"] = [Refused("shut")]
    run = carry(begin(errand, Errand("milk")))
    desk.skip(run.id, actor=ann, reason="brought it back myself")
    run.refresh_from_db()
    assert (run.status, run.position, run.wake_at) == ("compensated", -1, None)


def test_a_finished_run_is_not_skipped(world, ann):
    run = carry(begin(errand, Errand("milk")))
    with pytest.raises(WrongState, match=r"Cannot skip: the run is completed\."):
        desk.skip(run.id, actor=ann, reason="x")


def test_the_record_says_what_was_skipped_and_with_which_result(stuck, ann):
    desk.skip(stuck.id, actor=ann, reason="paid by transfer", result="transfer 7")
    act = stuck.acts.get()
    assert (act.verb, act.before["step"], act.before["step_status"]) == ("skip", "pay", "in_doubt")
    assert (act.after["skipped"], act.after["result"], act.after["step"]) == ("pay", "transfer 7", "deliver")


def test_a_chain_that_is_still_on_its_way_finds_the_skipped_step_done(world, ann):
    from sagas.engine import executor
    from sagas.engine.continuation import CONTINUE

    run_id = begin(errand, Errand("milk"))
    desk.skip(run_id, actor=ann, reason="fetched it myself", result="by hand")
    assert executor.run_step(link(Run.objects.get(), "fetch")) == CONTINUE
    assert "fetch" not in world.log
