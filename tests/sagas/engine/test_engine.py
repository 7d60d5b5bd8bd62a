"""What the engine promises of one run, without a broker: its order, its retries, its undo, its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

import outbox
from outbox import NotInTransaction
from sagas import Refused, RetryAfter, TooLate
from sagas.engine import executor
from sagas.engine.continuation import CONTINUE, SwitchChain
from sagas.models import Run, Step
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


def statuses(run):
    return {step.name: step.status for step in run.steps.all()}


def outcomes(run, step):
    return [a.outcome for a in run.attempts.filter(step=step)]


def test_a_run_completes_in_the_order_of_its_declaration(world):
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "completed"
    assert world.log == ["fetch", "think", "wrap", "pay", "deliver"]
    assert set(statuses(run).values()) == {"done"}
    assert world.statuses == ["completed"]
    assert run.finished_at is not None
    assert run.wake_at is None


def test_start_outside_a_transaction_is_refused_and_leaves_nothing():
    with pytest.raises(NotInTransaction):
        errand.start(Errand("milk"), key="k")
    assert not Run.objects.exists()


def test_the_same_key_gives_the_same_run():
    assert begin(errand, Errand("milk")) == begin(errand, Errand("milk"))
    assert Run.objects.count() == 1
    assert Step.objects.count() == 5


def test_a_rolled_back_start_leaves_no_run_and_no_message():
    from outbox.models import OutboxMessage

    with transaction.atomic():
        errand.start(Errand("milk"), key="k")
        transaction.set_rollback(True)
    assert not Run.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_a_refusal_undoes_what_was_done_in_reverse_and_not_the_refused_step(world):
    world.faults["pay"] = [Refused("card_declined", "No.")]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "compensated"
    assert world.log == ["fetch", "think", "wrap", "unwrap", "bring_back"]
    assert world.applied == {"think"}
    assert (run.code, run.reason) == ("card_declined", "pay: No.")
    assert world.statuses == ["undoing", "compensated"]


def test_a_refusal_of_the_first_step_calls_no_undo(world):
    world.faults["fetch"] = [Refused("sold_out")]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "compensated"
    assert world.log == []
    assert world.statuses == ["compensated"]


def test_a_lost_answer_is_retried_under_the_same_key(world):
    world.faults["fetch"] = [("after", LOST), LOST]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "completed"
    assert len(world.keys["fetch"]) == 1
    assert outcomes(run, "fetch") == ["in_doubt", "in_doubt", "done"]
    assert len(world.recorded) == 1


def test_a_spent_budget_before_the_pivot_undoes_the_step_in_doubt_as_well(world):
    world.faults["wrap"] = [("after", LOST), LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "compensated"
    assert world.log == ["fetch", "think", "wrap", "unwrap", "bring_back"]
    assert world.keys["unwrap"] == world.keys["wrap"]


def test_a_refusal_after_a_lost_answer_undoes_the_refused_step_too(world):
    world.faults["wrap"] = [("after", LOST), Refused("no_paper")]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "compensated"
    assert "unwrap" in world.log


def test_an_undo_that_keeps_failing_parks_the_run_and_waits_with_those_behind_it(world):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [LOST, LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "stuck"
    assert statuses(run)["wrap"] == "undo_failed"
    assert statuses(run)["fetch"] == "undo_due"
    assert "bring_back" not in world.log


def test_forward_and_undo_have_separate_budgets(world):
    world.faults["wrap"] = [LOST, LOST]
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [LOST, LOST]
    assert carry(begin(errand, Errand("milk"))).status == "compensated"


def test_a_refused_undo_parks_the_run_at_once(world):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [Refused("too_late", "It is gone.")]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "stuck"
    assert run.code == "card_declined"
    assert run.steps.get(name="wrap").error_code == "too_late"
    assert "card_declined" in run.reason
    assert "It is gone." in run.reason


def test_a_participant_that_is_away_costs_no_attempt(world):
    world.faults["fetch"] = [RetryAfter(timedelta(milliseconds=1), "shop closed")] * 7
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "completed"
    assert outcomes(run, "fetch") == ["away"] * 7 + ["done"]


def test_the_outboxs_retry_after_costs_a_step_no_attempt_either(world):
    assert outbox.RetryAfter is RetryAfter
    world.faults["fetch"] = [outbox.RetryAfter(timedelta(milliseconds=1), "a letter is being sent")] * 7
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "completed"
    assert outcomes(run, "fetch") == ["away"] * 7 + ["done"]


def test_a_pivot_in_doubt_that_the_probe_finds_done_goes_on(world):
    world.faults["pay"] = [("after", LOST), LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "completed"
    assert world.log.count("pay") == 1
    assert run.steps.get(name="pay").result == "found"


@pytest.mark.parametrize("probe", [None, LOST])
def test_a_pivot_in_doubt_that_the_probe_does_not_find_stops_for_a_person(world, probe):
    world.faults["pay"] = [LOST, LOST, LOST]
    world.faults["probe"] = [probe]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "stuck"
    assert statuses(run)["pay"] == "in_doubt"
    assert "unwrap" not in world.log


def test_a_pivot_refused_after_a_lost_answer_is_not_undone_when_the_money_moved(world):
    world.faults["pay"] = [("after", LOST), Refused("card_declined")]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "completed"
    assert "unwrap" not in world.log


def test_a_pivot_refused_after_a_lost_answer_stops_when_the_probe_is_silent(world):
    world.faults["pay"] = [("after", LOST), Refused("card_declined")]
    world.faults["probe"] = [LOST]
    assert carry(begin(errand, Errand("milk"))).status == "stuck"


def test_nothing_after_the_pivot_undoes_a_run(world):
    world.faults["deliver"] = [Refused("nobody_home")]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "stuck"
    assert "unwrap" not in world.log


def test_cancel_before_the_pivot_undoes(world):
    run_id = begin(errand, Errand("milk"))
    for _ in range(3):
        assert step_once(run_id) == CONTINUE
    errand.cancel("key-1", reason="changed my mind", actor="customer")
    run = carry(run_id)
    assert run.status == "compensated"
    assert world.log == ["fetch", "think", "wrap", "unwrap", "bring_back"]
    assert run.code == "cancelled"
    assert run.acts.get().actor_name == "customer"


def test_cancel_while_a_step_is_in_hand_undoes_that_step_too(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [lambda: errand.cancel("key-1", reason="changed my mind", actor="customer")]
    assert step_once(run_id) == CONTINUE
    assert isinstance(executor.run_step(link(Run.objects.get(), "think")), SwitchChain)
    run = carry(run_id)
    assert run.status == "compensated"
    assert world.log == ["fetch", "bring_back"]
    assert run.reason == "changed my mind"


def test_cancel_once_the_pivot_is_asked_for_is_too_late(world):
    run_id = begin(errand, Errand("milk"))

    def cancel():
        with pytest.raises(TooLate):
            errand.cancel("key-1", reason="changed my mind", actor="customer")

    world.faults["pay"] = [cancel]
    assert carry(run_id).status == "completed"
    with pytest.raises(TooLate):
        errand.cancel("key-1", reason="changed my mind", actor="customer")


def test_cancel_twice_is_cancel_once(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    for _ in range(2):
        errand.cancel("key-1", reason="changed my mind", actor="customer")
    run = carry(run_id)
    assert run.status == "compensated"
    assert run.acts.count() == 1


def test_a_passed_deadline_undoes_before_the_pivot(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    Run.objects.update(deadline_at="2020-01-01T00:00:00Z")
    run = carry(run_id)
    assert (run.status, run.code) == ("compensated", "deadline")


def test_a_passed_deadline_after_the_pivot_changes_nothing(world):
    run_id = begin(errand, Errand("milk"))
    for _ in range(4):
        step_once(run_id)
    Run.objects.update(deadline_at="2020-01-01T00:00:00Z")
    assert carry(run_id).status == "completed"
