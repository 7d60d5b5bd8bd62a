"""What the engine promises of one run, without a broker: the steps, the retries, the doubt, the undo."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import outbox
from outbox import NotInTransaction
from sagas import Refused, RetryAfter, TooLate
from sagas.engine import executor
from sagas.engine.continuation import CONTINUE, STOP, RetryIn, SwitchChain
from sagas.models import Attempt, Run, Step

from ...support.sagas.driver import begin, carry, link, step_once
from ...support.sagas.errand import Errand, errand

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


def test_a_doubled_link_of_a_done_step_lets_the_chain_go_on_and_runs_nothing(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    run = Run.objects.get()
    assert executor.run_step(link(run, "fetch")) == CONTINUE
    assert world.log == ["fetch"]
    assert executor.run_step(link(run, "wrap")) == STOP


def test_a_second_worker_does_not_run_a_step_in_hand(world):
    run_id = begin(errand, Errand("milk"))
    seen = []
    world.faults["fetch"] = [lambda: seen.append(executor.run_step(link(Run.objects.get(), "fetch")))]
    step_once(run_id)
    assert seen == [STOP]
    assert world.log == ["fetch"]


def test_a_worker_whose_lease_ran_out_cannot_write(world):
    """It finishes after another worker took the step: what it records is thrown away, whatever it is."""
    run_id = begin(errand, Errand("milk"))

    def overtaken():
        Step.objects.filter(name="fetch").update(lease_until="2020-01-01T00:00:00Z")
        assert executor.run_step(link(Run.objects.get(), "fetch")) == CONTINUE

    world.faults["fetch"] = [overtaken]
    assert step_once(run_id) == STOP
    assert [a.outcome for a in Run.objects.get().attempts.order_by("id")] == ["lost", "done"]
    assert Run.objects.get().position == 1
    run = Run.objects.get()
    assert run.position == 1
    assert outcomes(run, "fetch") == ["lost", "done"]


def test_attempts_of_lost_workers_count(world):
    """Three workers died on it: the fourth does not try again but settles the doubt."""
    run_id = begin(errand, Errand("milk"))
    for _ in range(3):
        world.faults["fetch"] = [KeyboardInterrupt]

        def die():
            raise KeyboardInterrupt

        world.faults["fetch"] = [die]
        with pytest.raises(KeyboardInterrupt):
            step_once(run_id)
        Step.objects.filter(name="fetch").update(lease_until="2020-01-01T00:00:00Z")
    assert isinstance(step_once(run_id), SwitchChain)
    run = carry(run_id)
    assert run.status == "compensated"
    assert world.log == ["bring_back"]
    assert outcomes(run, "fetch") == ["lost", "lost", "lost", "in_doubt", "done"]


def test_a_retry_is_a_column_and_not_before_its_time(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [LOST]
    first = step_once(run_id)
    assert isinstance(first, RetryIn)
    step = Step.objects.get(name="fetch")
    assert step.next_attempt_at is not None
    Step.objects.filter(name="fetch").update(next_attempt_at="2100-01-01T00:00:00Z")
    assert isinstance(step_once(run_id), RetryIn)
    assert world.log == []


def test_a_failing_recorded_hook_takes_the_record_with_it(world, monkeypatch):
    from ...support.sagas import errand as module

    run_id = begin(errand, Errand("milk"))

    def refuse(ctx, result):
        raise RuntimeError("the shop's table is full")

    monkeypatch.setattr(module.fetch, "recorded_run", refuse)
    assert isinstance(step_once(run_id), RetryIn)
    assert Step.objects.get(name="fetch").status == "waiting"
    monkeypatch.undo()


def test_a_happy_step_costs_two_statements_of_the_engine_and_two_commits(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    run = Run.objects.get()
    with CaptureQueriesContext(connection) as captured:
        executor.run_step(link(run, "think"))
    statements = [q["sql"] for q in captured if q["sql"] not in ("BEGIN", "COMMIT")]
    assert len(statements) == 2, statements


def test_no_data_of_the_run_is_in_a_task(world):
    from sagas.engine.run_ready import RunReady
    from sagas.worker.chains import chain_of

    run_id = begin(errand, Errand("4242424242424242"))
    sent = chain_of(RunReady(run_id, "errand", 1, undo=False, position=0))
    assert "4242" not in str(dict(sent))
    assert [task.options["shadow"] for task in sent["kwargs"]["tasks"]] == [f"errand.{s.name}" for s in errand.steps]


def test_each_attempt_says_who_made_it(world):
    begin(errand, Errand("milk"))
    run = carry(Run.objects.get().pk)
    attempt = run.attempts.filter(step="pay").get()
    assert (attempt.worker, attempt.task_id, attempt.number) == ("test", "task", 1)
    assert attempt.direction == Attempt.Direction.FORWARD
    assert attempt.ended_at is not None
    assert attempt.ended_at >= attempt.started_at


def test_a_run_whose_input_no_longer_fits_goes_to_a_person_and_asks_nobody(world):
    run_id = begin(errand, Errand("milk"))
    Run.objects.update(input={"was": "milk"})
    run = carry(run_id)
    assert (run.status, run.code) == ("stuck", "unreadable")
    assert world.log == []


def test_the_reason_of_an_undo_outlives_its_retries(world):
    world.faults["pay"] = [Refused("card_declined", "No.")]
    world.faults["unwrap"] = [LOST]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "compensated"
    assert run.reason == "pay: No."


def test_the_reason_of_a_cancel_outlives_a_failing_attempt(world):
    run_id = begin(errand, Errand("milk"))

    def cancel_and_fail():
        errand.cancel("key-1", reason="changed my mind", actor="customer")
        raise TimeoutError("no answer")

    world.faults["fetch"] = [cancel_and_fail]
    step_once(run_id)
    run = carry(run_id)
    assert (run.status, run.reason) == ("compensated", "changed my mind")


def test_a_step_in_doubt_after_the_pivot_stops_for_a_person(world):
    world.faults["deliver"] = [LOST, LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    assert run.status == "stuck"
    assert statuses(run)["deliver"] == "in_doubt"
    assert "unwrap" not in world.log


def test_a_step_is_given_the_results_of_its_own_run(world):
    ids = [begin(errand, Errand("milk"), key=key) for key in ("one", "two")]
    for run_id in ids:
        for _ in range(4):
            step_once(run_id)
    for run_id in ids:
        steps = carry(run_id).steps
        assert f"after {steps.get(name='pay').result}" in str(steps.get(name="deliver").result)
    assert Step.objects.filter(name="pay").values("result").distinct().count() == 2
