"""Claims and records: who may run a step, what an attempt costs, what is written about it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import Refused
from sagas.engine import executor
from sagas.engine.continuation import CONTINUE, STOP, RetryIn, SwitchChain
from sagas.models import Attempt, Run, Step
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


def statuses(run):
    return {step.name: step.status for step in run.steps.all()}


def outcomes(run, step):
    return [a.outcome for a in run.attempts.filter(step=step)]


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
    from tests.support.sagas import errand as module

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
