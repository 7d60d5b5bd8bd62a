"""Steps of several runs that are recorded in one statement: each as though it were recorded by itself."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from outbox import publish
from outbox.messages import trace
from outbox.models import OutboxMessage
from sagas import desk
from sagas.engine import executor
from sagas.engine.continuation import CONTINUE, QUEUED, STOP, Continuation, RunNext
from sagas.engine.done import Called, record_together
from sagas.engine.executor import settle_alone
from sagas.engine.taking import TakenStep, give_back
from sagas.models import Attempt, Run, Step
from tests.support.hostapp.events import NobodyListens
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.driver import carry, link
from tests.support.sagas.errand import errand
from tests.support.sagas.hands import begin_many, called, outcomes_of, take_all
from tests.support.sagas.together import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def telling(monkeypatch):
    """The hook of the first step publishes under the input's name."""
    hook = lambda ctx, _result: publish(NobodyListens(ctx.input.what), key=ctx.input.what)  # noqa: E731
    monkeypatch.setattr(errand.named("fetch"), "recorded_run", hook)


def told() -> list[str]:
    return list(OutboxMessage.objects.filter(type="host.nobody_listens").order_by("id").values_list("key", flat=True))


def position_of(run_id: UUID) -> int:
    return Run.objects.get(pk=run_id).position


def lease_passes_on(run_id: UUID, step: str = "fetch") -> None:
    """Another worker takes the step, and carries it out."""
    Step.objects.filter(run_id=run_id, name=step).update(lease_until=LONG_AGO)
    executor.run_step(link(Run.objects.get(pk=run_id), step))


@pytest.mark.parametrize("many", [1, 2, 64])
def test_one_statement_records_all_tells_their_events_and_takes_the_next_step_of_each(world, telling, many):
    runs = begin_many(many)
    calls = called(take_all())
    with CaptureQueriesContext(connection) as captured:
        answers = record_together(calls)
    sent = [query["sql"].split("(")[0].split()[-1] for query in captured if query["sql"].startswith("EXECUTE")]
    assert sent == ["saga_record_many"]
    assert told() == [f"milk {n}" for n in range(many)]
    assert Step.objects.filter(name="fetch", status="done").count() == many
    for run_id, answer in zip(runs, answers, strict=True):
        assert isinstance(answer, RunNext)
        held = Step.objects.get(run_id=run_id, name="think")
        assert (held.status, held.token, held.attempts) == ("running", answer.work.claim.token, 1)
        assert (answer.work.run_id, answer.work.step.name) == (run_id, "think")
        assert outcomes_of(run_id) == [("fetch", 1, "done"), ("think", 1, "")]
        assert Attempt.objects.get(run_id=run_id, step="think").task_id == answer.work.worker.task_id


def test_a_run_whose_lease_has_passed_on_is_left_out_with_its_events_and_the_others_stand(world, telling):
    runs = begin_many(64)
    calls = called(take_all())
    lease_passes_on(runs[20])
    assert told() == ["milk 20"]
    answers = record_together(calls)
    assert [place for place, answer in enumerate(answers) if not isinstance(answer, RunNext)] == [20]
    assert answers[20] is calls[20], "to be settled by itself"
    assert settle_alone(calls[20]) == STOP
    assert sorted(told()) == sorted(f"milk {n}" for n in range(64)), "its event once, by the other worker"
    assert outcomes_of(runs[20]) == [("fetch", 1, "lost"), ("fetch", 2, "done")]
    assert {position_of(run_id) for run_id in runs} == {1}


@pytest.mark.parametrize("stale_first", [True, False])
def test_of_two_threads_with_one_run_in_one_statement_only_the_leases_holder_is_recorded(world, telling, stale_first):
    [run_id] = begin_many(1)
    [stale] = called(take_all())
    Step.objects.filter(name="fetch").update(lease_until=LONG_AGO)
    Run.objects.update(ready_at=LONG_AGO)
    Step.objects.filter(name="fetch").update(status="pending")  # as UNTAKE, so that this test may take it again
    [fresh] = called(take_all())
    both = [stale, fresh] if stale_first else [fresh, stale]
    answers = dict(zip([one.work.claim.token for one in both], record_together(both), strict=True))
    assert answers[stale.work.claim.token] is stale
    after = answers[fresh.work.claim.token]
    assert isinstance(after, RunNext)
    assert Step.objects.get(name="think").token == after.work.claim.token
    assert told() == ["milk 0"]
    assert Attempt.objects.get(token=stale.work.claim.token).outcome != "done"
    assert Attempt.objects.filter(run_id=run_id, step="think").count() == 1


def test_a_run_that_somebody_holds_is_waited_for_by_nobody_else(world, telling):
    runs = begin_many(8)
    calls = called(take_all())
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=runs[3])
        answers = elsewhere(lambda: record_together(calls))
    assert [place for place, answer in enumerate(answers) if not isinstance(answer, RunNext)] == [3]
    assert isinstance(settle_alone(calls[3]), RunNext), "by itself it is recorded, once nobody holds it"


# --- What stands between the record and the next claim ---------------------------------------------------------------


def one_is(what: str, run_id: UUID) -> None:
    if what == "paused":
        desk.pause(run_id, actor=get_user_model().objects.create_user("ann"), reason="let me look")
    elif what == "cancelled":
        errand.cancel(Run.objects.get(pk=run_id).key, reason="changed my mind", actor="customer")
    else:
        Run.objects.filter(pk=run_id).update(deadline_at=LONG_AGO)


def follow(answers: list[Continuation | Called]) -> list[Called]:
    """Ask the participants of the steps that follow."""
    return called([TakenStep(answer.work, trace.current()) for answer in answers if isinstance(answer, RunNext)])


@pytest.mark.parametrize("what", ["paused", "cancelled", "past its deadline"])
def test_one_run_that_may_not_go_on_is_recorded_and_taken_no_further(world, what):
    runs = begin_many(8)
    calls = called(take_all())
    one_is(what, runs[3])
    answers = record_together(calls)
    assert [place for place, answer in enumerate(answers) if not isinstance(answer, RunNext)] == [3]
    assert answers[3] == CONTINUE
    assert (position_of(runs[3]), Step.objects.get(run_id=runs[3], name="think").attempts) == (1, 0)
    assert Run.objects.get(pk=runs[3]).wake_at is not None


@pytest.mark.parametrize("what", ["cancelled", "past its deadline"])
def test_before_the_pivot_is_taken_a_cancel_is_found_and_after_it_a_deadline_stops_nothing(world, what):
    runs = begin_many(4)
    answers = record_together(called(take_all()))
    answers = record_together(follow(answers))
    wrapped = follow(answers)
    one_is(what, runs[1])
    answers = record_together(wrapped)
    assert answers[1] == CONTINUE
    assert Step.objects.get(run_id=runs[1], name="pay").attempts == 0
    paid = follow(answers)
    Run.objects.filter(pk=runs[0]).update(deadline_at=LONG_AGO)
    assert all(isinstance(answer, RunNext) for answer in record_together(paid)), "too late for a deadline"


# --- Where the runs go -----------------------------------------------------------------------------------------------


def test_the_last_step_of_a_run_ends_it_and_the_host_is_told(world):
    begin_many(3)
    answers = record_together(called(take_all()))
    for _ in range(4):
        answers = record_together(follow(answers))
    assert answers == [CONTINUE] * 3
    assert {(run.status, run.wake_at, run.ready_at) for run in Run.objects.all()} == {("completed", None, None)}
    assert world.statuses == ["completed"] * 3


def test_a_worker_that_goes_no_further_lets_any_other_take_the_runs(world):
    begin_many(3)
    answers = record_together(called(take_all(ahead=lambda _step: None)))
    assert answers == [QUEUED] * 3
    assert {run.wake_at for run in Run.objects.all()} == {None}
    assert [step.work.step.name for step in take_all()] == ["think"] * 3


def test_with_pooled_connections_all_of_it_works_without_prepared_statements(world, telling, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    runs = begin_many(5)
    with CaptureQueriesContext(connection) as captured:
        answers = record_together(called(take_all()))
        last = answers
        while any(isinstance(one, RunNext) for one in last):
            last = record_together(follow(last))
    assert not [query for query in captured if "PREPARE" in query["sql"]]
    assert {Run.objects.get(pk=run_id).status for run_id in runs} == {"completed"}
    assert told() == [f"milk {n}" for n in range(5)]


def test_a_session_that_is_lost_as_all_are_recorded_costs_nobody_an_attempt(world, telling, monkeypatch):
    """PostgreSQL restarts between the calls and their record."""
    runs = begin_many(5)
    calls = called(take_all())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    elsewhere(partial(terminate, pid))
    answers = record_together(calls)
    assert all(isinstance(answer, RunNext) for answer in answers)
    assert [outcomes_of(run_id)[0] for run_id in runs] == [("fetch", 1, "done")] * 5


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_steps_that_were_taken_and_never_begun_are_given_back_as_though_they_had_not_been(world):
    runs = begin_many(4)
    steps = take_all()
    lease_passes_on(runs[2])
    given = give_back(steps)
    assert [one.work.run_id for one in given] == [runs[0], runs[1], runs[3]]
    fresh = Step.objects.filter(run_id__in=[runs[0], runs[1], runs[3]], name="fetch")
    assert {(step.status, step.attempts, step.token) for step in fresh} == {("pending", 0, None)}
    assert not Attempt.objects.filter(run_id=runs[0]).exists()
    assert outcomes_of(runs[2])[-1] == ("fetch", 2, "done"), "another worker's is not ours to give back"
    assert Run.objects.filter(wake_at=None).count() == 0, "should the message be lost, the sweep sends it"


def test_a_run_that_somebody_holds_as_it_is_given_back_has_spent_no_attempt(world):
    """Nobody waits for who holds it."""
    runs = begin_many(2)
    steps = take_all()
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=runs[1])
        given = elsewhere(lambda: give_back(steps))
    assert [one.work.run_id for one in given] == [runs[0]]
    step = Step.objects.get(run_id=runs[1], name="fetch")
    assert (step.attempts, step.granted) == (1, 1)
    assert Run.objects.get(pk=runs[1]).wake_at is not None, "the sweep brings it"
    assert carry(runs[1]).status == "completed"
    assert outcomes_of(runs[1])[:2] == [("fetch", 1, "lost"), ("fetch", 2, "done")]


def test_a_claim_that_has_passed_on_is_not_let_go(world):
    [run_id, _] = begin_many(2)
    steps = take_all()
    lease_passes_on(run_id)
    give_back(steps)
    assert Step.objects.get(run_id=run_id, name="fetch").granted == 0
