"""What an operator can do with a run, and what is written of it."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from outbox.models import OutboxMessage
from sagas import Refused, WrongState, desk
from sagas.models import Act, Run
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def stuck(world):
    """A run whose pivot is in doubt."""
    world.faults["pay"] = [LOST, LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    OutboxMessage.objects.all().delete()
    return run


def test_retry_goes_on_where_the_run_stood(world, stuck, ann):
    desk.retry_now(stuck.id, actor=ann, reason="the bank is back")
    run = carry(stuck.id)
    assert run.status == "completed"
    assert len(world.keys["pay"]) == 1
    assert world.statuses == ["stuck", "running", "completed"]


def test_retry_rings_through_the_outbox(stuck, ann):
    desk.retry_now(stuck.id, actor=ann, reason="the bank is back")
    assert OutboxMessage.objects.get().type == "sagas.run_ready"


def test_retry_grants_one_attempt_and_then_asks_again(world, stuck, ann):
    world.faults["pay"] = [LOST]
    desk.retry_now(stuck.id, actor=ann, reason="try")
    assert carry(stuck.id).status == "stuck"
    assert world.keys["pay"]


def test_retry_of_a_failed_undo_goes_on_undoing(world, ann):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [Refused("too_late")]
    run = carry(begin(errand, Errand("milk")))
    desk.retry_now(run.id, actor=ann, reason="they will take it after all")
    assert carry(run.id).status == "compensated"
    assert world.applied == {"think"}


def test_compensate_undoes_a_run_whose_pivot_is_in_doubt(world, stuck, ann):
    desk.compensate(stuck.id, actor=ann, reason="the bank says it never happened")
    run = carry(stuck.id)
    assert run.status == "compensated"
    assert world.applied == {"think"}


def test_compensate_is_refused_once_the_pivot_is_done(world, ann):
    world.faults["deliver"] = [Refused("nobody_home")]
    run = carry(begin(errand, Errand("milk")))
    with pytest.raises(WrongState, match="past its point of no return"):
        desk.compensate(run.id, actor=ann, reason="please")
    assert not run.acts.exists()


@pytest.mark.parametrize("ended", ["completed", "compensated"])
def test_resolve_closes_a_run_without_calling_anybody(world, stuck, ann, ended):
    before = list(world.log)
    desk.resolve(stuck.id, actor=ann, reason="settled by telephone", ended=ended)
    run = Run.objects.get()
    assert (run.status, run.resolution, run.wake_at) == ("resolved", ended, None)
    assert run.finished_at is not None
    assert world.log == before


def test_resolve_is_refused_while_the_engine_is_at_work(world, ann):
    run_id = begin(errand, Errand("milk"))
    with pytest.raises(WrongState, match="running"):
        desk.resolve(run_id, actor=ann, reason="impatient", ended="completed")


@pytest.mark.parametrize("verb", [desk.retry_now, desk.compensate])
def test_a_finished_run_is_left_alone(world, ann, verb):
    run = carry(begin(errand, Errand("milk")))
    with pytest.raises(WrongState, match="completed"):
        verb(run.id, actor=ann, reason="again")


def test_a_step_in_a_workers_hands_is_left_alone(world, ann):
    run_id = begin(errand, Errand("milk"))

    def press():
        with pytest.raises(WrongState, match="worker's hands"):
            desk.retry_now(run_id, actor=ann, reason="now")

    world.faults["fetch"] = [press]
    step_once(run_id)


def test_a_decision_on_an_older_sight_of_the_run_is_refused(stuck, ann):
    with pytest.raises(WrongState, match="no longer as you saw it"):
        desk.retry_now(stuck.id, actor=ann, reason="now", row_version=stuck.row_version - 1)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_required(stuck, ann, reason):
    with pytest.raises(desk.ReasonMissing):
        desk.retry_now(stuck.id, actor=ann, reason=reason)


def test_an_act_says_who_why_before_and_after(stuck, ann):
    desk.compensate(stuck.id, actor=ann, reason="the bank says no")
    act = stuck.acts.get()
    assert (act.actor, act.actor_name, act.verb, act.reason) == (ann, "ann", "compensate", "the bank says no")
    assert act.before["status"] == "stuck"
    assert act.after["status"] == "undoing"


def test_an_act_and_its_record_are_one_transaction(stuck, ann, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("the record cannot be written")

    monkeypatch.setattr(Act.objects, "create", fail)
    with pytest.raises(RuntimeError):
        desk.retry_now(stuck.id, actor=ann, reason="now")
    assert Run.objects.get().status == "stuck"
