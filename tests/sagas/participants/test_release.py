"""Runs that wait for a participant: put aside at no cost, woken by their deadline alone, brought back one by one."""

from __future__ import annotations

import threading
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from sagas import Participant
from sagas.models import Breaker, Run, RunStatus, Step, StepStatus
from sagas.participants import breaker
from sagas.participants.waiting import hold, put_off, release
from sagas.sql import participants
from tests.support.sagas.clock import LONG_AGO, looked_at_in, pass_the_deadline, someone_waits_for_a_lock, woken_in
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand
from tests.support.sagas.together import together
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
PAY, DELIVER = 3, 4


def waiting(number: int, name: str = "bank") -> list[UUID]:
    """As many runs that wait for the participant, the oldest first."""
    runs = [begin(errand, Errand("milk"), key=f"{name}-{each}") for each in range(number)]
    for run_id in runs:
        assert hold(run_id, 0, False, name)
    return runs


def still_waiting(name: str = "bank") -> int:
    return Run.objects.filter(waits_for=name).count()


def released_ago(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE saga_participant SET released_at = clock_timestamp() - make_interval(secs => %s)", [seconds]
        )


def hold_is_over() -> None:
    Breaker.objects.update(open_until=LONG_AGO)


def away(name: str = "bank") -> None:
    breaker.open_by_hand(name, "away")


# --- Back, at a bounded rate ---------------------------------------------------------------------------------------


def test_nothing_that_waits_costs_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert release() == []


def test_released_runs_are_due_at_once_and_the_oldest_go_first(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(release_per_second=2)}
    runs = waiting(5)
    assert sorted(release()) == runs[:2]
    assert set(Run.objects.exclude(waits_for="").values_list("id", flat=True)) == set(runs[2:])
    assert woken_in(runs[0]) <= 0


def test_several_sweeps_at_once_release_no_more_than_one_would(monkeypatch):
    waiting(60)
    Breaker.objects.create(name="bank")
    others: list[UUID] = []

    def meanwhile(_name):
        if threading.current_thread() is threading.main_thread():  # this sweep has begun: others do all of theirs
            for released in together(release, 4):
                others.extend(released)
        return Participant()

    monkeypatch.setattr("sagas.participants.waiting.policy_of", meanwhile)
    assert len(release()) == 20
    assert others == []
    assert still_waiting() == 40


def test_sweeps_that_follow_each_other_quickly_release_what_the_time_allows(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(release_per_second=10)}
    waiting(40)
    assert len(release()) == 10
    for seconds, number in ((0.55, 5), (1.0, 10), (500, 10)):
        released_ago(seconds)
        assert len(release()) == number


def test_time_that_is_not_enough_for_a_run_is_not_lost(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(release_per_second=2)}
    waiting(5)
    release()
    released_ago(0.75)
    assert len(release()) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - released_at) FROM saga_participant")
        assert float(cursor.fetchone()[0]) == pytest.approx(0.25, abs=0.1)


def test_each_participant_has_a_rate_of_its_own():
    waiting(25, "bank")
    waiting(25, "shop")
    waiting(1, "carrier")
    away("carrier")
    release()
    assert (still_waiting("bank"), still_waiting("shop"), still_waiting("carrier")) == (5, 5, 1)


def test_while_the_participant_is_held_nobody_is_released():
    waiting(2)
    away()
    assert release() == []
    Breaker.objects.update(open_until="2100-01-01T00:00:00Z")
    assert release() == []


def test_when_the_hold_is_over_one_run_goes_as_the_trial_and_a_second_later_another():
    waiting(3)
    away()
    hold_is_over()
    assert [len(one) for one in together(release, 4)].count(1) == 1
    assert still_waiting() == 2
    assert release() == []
    released_ago(1.1)
    assert len(release()) == 1


def test_while_a_trial_is_under_way_nobody_is_released():
    waiting(3)
    away()
    hold_is_over()
    assert breaker.admit("bank", 30).trial
    assert release() == []
    Breaker.objects.update(trial_until=LONG_AGO)
    assert len(release()) == 1, "the worker of that trial is dead"


def test_a_run_whose_call_always_fails_is_not_every_trial():
    oldest, *_, newest = waiting(3)
    away()
    hold_is_over()
    tried = set()
    for openings in (1, 2):
        Breaker.objects.update(openings=openings, released_at=None)
        tried |= set(release())
    assert tried == {oldest, newest}


def test_a_paused_run_is_left_alone_and_keeps_no_other_waiting(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(release_per_second=1)}
    paused, other = waiting(2)
    Run.objects.filter(pk=paused).update(paused_at=LONG_AGO)
    assert release() == [other]


def test_a_run_that_somebody_has_locked_keeps_no_sweep_waiting():
    locked, other = waiting(2)
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=locked)
        assert together(release, 1) == [[other]]


def test_the_search_for_those_waited_for_reads_no_run_that_waits_for_nothing():
    waiting(3, "bank")
    waiting(3, "shop")
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {participants.WAITED_FOR}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert plan.count("using saga_run_waits") == 2, plan


# --- Put aside -----------------------------------------------------------------------------------------------------


def test_a_held_run_is_woken_by_its_deadline_alone_and_spends_no_attempt():
    (run_id,) = waiting(1)
    run = Run.objects.get(pk=run_id)
    assert run.wake_at == run.deadline_at
    assert run.waits_for == "bank"
    step = run.steps.get(position=0)
    assert (step.status, step.attempts) == (StepStatus.PENDING, 0)


@pytest.mark.parametrize(
    ("position", "asked", "status", "undo", "deadline_wakes"),
    [
        (PAY, 0, RunStatus.RUNNING, False, True),
        (PAY, 1, RunStatus.RUNNING, False, False),
        (DELIVER, 0, RunStatus.RUNNING, False, False),
        (0, 1, RunStatus.UNDOING, True, False),
    ],
)
def test_from_the_pivots_first_call_on_no_deadline_wakes_a_held_run(position, asked, status, undo, deadline_wakes):
    run_id = begin(errand, Errand("milk"))
    Run.objects.update(position=position, status=status)
    Step.objects.filter(position=position).update(attempts=asked)
    assert hold(run_id, position, undo, "bank")
    assert (looked_at_in(run_id) is not None) == deadline_wakes


def paused() -> None:
    Run.objects.update(paused_at=LONG_AGO)


def moved_on() -> None:
    Run.objects.update(position=1)


def turned() -> None:
    Run.objects.update(status=RunStatus.UNDOING)


def in_hand() -> None:
    Step.objects.filter(position=0).update(token=uuid4(), lease_until="2100-01-01T00:00:00Z")


def cancelled() -> None:
    Run.objects.update(cancel_requested_at=LONG_AGO)


@pytest.mark.parametrize("happened", [paused, moved_on, turned, in_hand, cancelled, pass_the_deadline])
def test_a_run_that_has_something_else_to_do_is_neither_held_nor_put_off(happened):
    run_id = begin(errand, Errand("milk"))
    happened()
    before = Run.objects.values().get()
    assert not hold(run_id, 0, False, "bank")
    assert not put_off(run_id, 0, False, 30)
    assert Run.objects.values().get() == before


def test_a_run_whose_worker_died_is_held():
    run_id = begin(errand, Errand("milk"))
    Step.objects.filter(position=0).update(token=uuid4(), lease_until=LONG_AGO)
    assert hold(run_id, 0, False, "bank")


def test_a_cancel_that_came_too_late_does_not_keep_a_run_from_waiting():
    run_id = begin(errand, Errand("milk"))
    Run.objects.update(position=DELIVER, cancel_requested_at=LONG_AGO)
    assert hold(run_id, DELIVER, False, "bank")


def test_a_run_that_is_claimed_while_the_hold_waits_for_its_lock_is_not_held():
    run_id = begin(errand, Errand("milk"))
    results: list[bool] = []

    def try_to_hold():
        results.append(hold(run_id, 0, False, "bank"))
        connection.close()

    late = threading.Thread(target=try_to_hold)
    with transaction.atomic():
        Run.objects.select_for_update().get()
        late.start()
        until(someone_waits_for_a_lock, 10, what="the hold waits for the run")
        in_hand()
        Run.objects.update(row_version=7)
    late.join(10)
    assert results == [False]
    assert Run.objects.get().waits_for == ""


def test_a_run_that_is_put_off_comes_back_for_its_turn_and_the_sweep_a_little_later():
    run_id = begin(errand, Errand("milk"))
    assert put_off(run_id, 0, False, 30)
    assert woken_in(run_id) == pytest.approx(32, abs=1)
    run = Run.objects.get()
    assert run.waits_for == ""
    step = run.steps.get(position=0)
    assert step.next_attempt_at is not None
    assert step.attempts == 0


def test_a_run_that_is_put_off_is_woken_by_its_deadline_if_that_comes_first():
    run_id = begin(errand, Errand("milk"))
    assert put_off(run_id, 0, False, 3600)
    run = Run.objects.get()
    assert run.wake_at == run.deadline_at
